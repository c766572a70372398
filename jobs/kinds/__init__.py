"""One module a kind: what it takes (Input), what it makes (Result), and how (run)."""
