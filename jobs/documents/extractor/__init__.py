"""The program that reads one document: it may be brought down by a hostile file, and nothing else with it.

Nothing else of ours is imported here. It is started by jobs/documents/extraction.py with limits, reads the file that it
is told of, and answers in frames.
"""
