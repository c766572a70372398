"""Calls to providers: who may make one now, and which were made."""
