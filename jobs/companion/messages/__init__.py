"""What is said to a chat, before it is sent."""
