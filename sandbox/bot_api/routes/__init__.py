"""The HTTP surface: bot methods and files, the control API, the chat page."""
