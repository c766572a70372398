"""Documents, what was found by comparing them, and the reports on it."""
