"""The nine steps in which a world grows, and what they share."""
