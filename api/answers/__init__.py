"""What the API answers with."""
