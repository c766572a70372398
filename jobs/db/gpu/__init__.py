"""Lanes: what is known of each, what waits where, what was drawn before."""
