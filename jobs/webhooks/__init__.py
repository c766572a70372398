"""Webhooks out: who gets which event, in which order, how often it is tried, and what happens when nobody answers."""
