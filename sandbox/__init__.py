"""Local stand-ins for the outside, and the demo."""
