"""Documents in: which format a file has, and its text, read by a process of its own."""
