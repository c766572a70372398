"""What is kept of a bot's chats: what goes out, its pace, and what was asked for there."""
