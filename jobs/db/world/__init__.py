"""Worlds, their people and their posts."""
