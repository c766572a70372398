"""Tickets and workers as one sees them from outside the engine."""
