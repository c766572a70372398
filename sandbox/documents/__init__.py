"""Contracts and their changed versions, in two languages, with lists of what was changed: to try an analysis out."""
