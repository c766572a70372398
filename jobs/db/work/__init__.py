"""Jobs, one by one and as trees."""
