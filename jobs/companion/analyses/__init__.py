"""What a chat sees of an analysis, and what a person says about it."""
