"""Pages for those who grow worlds: the list, a new world, one world while it grows and to walk about in."""
