"""A local Bot API server, faithful to Telegram's, and a chat page in the browser."""
