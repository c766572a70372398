"""What is said in the load: every message has a number, and an answer names the numbers that it has read."""

import re
from collections.abc import Sequence
from typing import Any

NUMBER = re.compile(r"\((\d+)\)")
READ = "I have read"


def message(number: int) -> str:
    return f"({number}) How was your day? I thought of our walk by the river."


def answer(numbers: Sequence[int]) -> str:
    return f"{READ} {' '.join(f'({number})' for number in numbers)}. Lovely, and yours?"


def written_in(text: str) -> int | None:
    """The number of a message; None for what the script did not write."""
    found = NUMBER.match(text)
    return int(found[1]) if found else None


def answered_in(text: str) -> tuple[int, ...]:
    """Empty for what is no answer of the model's."""
    return tuple(int(number) for number in NUMBER.findall(text)) if text.startswith(READ) else ()


def reply(body: dict[str, Any]) -> str:
    """The model's answer: to everything that was written since its last one, as far as it is shown that."""
    unread: list[int] = []
    for said in body["messages"]:
        if said["role"] == "assistant":
            unread = []
        elif said["role"] == "user":
            unread += (int(number) for number in NUMBER.findall(said["content"]))
    return answer(unread)
