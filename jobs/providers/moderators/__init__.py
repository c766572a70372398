"""Services that judge a text: one module a wire."""
