"""Whose is a job? Of a person in a chat, who hears of it there and pays for it, or of an account of the REST API."""

CHAT = "telegram:"


def of_person(user_id: int) -> str:
    return f"{CHAT}{user_id}"


def is_of_chat(owner: str) -> bool:
    return owner.startswith(CHAT)
