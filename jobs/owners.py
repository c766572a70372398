"""Whose is a job? Of a person in a chat, who hears of it there and pays for it, or of an account of the REST API."""

CHAT = "telegram:"
# of the bot itself: what its operators ask for, and what outlives a person's own data
BOT = f"{CHAT}bot"


def of_person(user_id: int) -> str:
    return f"{CHAT}{user_id}"


def is_of_chat(owner: str) -> bool:
    return owner.startswith(CHAT)
