"""What the API is asked for, and how it takes that in."""
