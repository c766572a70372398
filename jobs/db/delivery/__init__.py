"""Results on their way, and to whom they go."""
