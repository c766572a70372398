"""Everything after the door."""
