"""Dialogs with personas: messages, replies, pictures, summaries."""
