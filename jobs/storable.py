"""Text without what PostgreSQL cannot store: zero bytes and half characters."""


def storable(text: str) -> str:
    return text.replace("\x00", "").encode("utf-8", "replace").decode()


def is_storable(text: str) -> bool:
    return storable(text) == text
