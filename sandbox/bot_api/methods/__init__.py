"""The Bot API methods, one small module per family."""
