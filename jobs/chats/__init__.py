"""Sending to Telegram chats: when, what exactly, and what is known afterwards."""
