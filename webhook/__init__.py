"""The Telegram door, and provider callbacks in."""
