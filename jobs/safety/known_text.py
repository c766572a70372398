"""What is known of a text when a job is asked for: all the words in its input, whatever its kind."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from jobs.safety.hard_block import without_rules

# what must not be in a picture, and names of things
LEFT_OUT = frozenset({"negative_prompt", "persona", "role"})
# what was said longer ago was looked at when it was said
LATEST_MESSAGES = 6


def known_text(given: BaseModel) -> str:
    return "\n".join(_texts(given.model_dump(mode="json", exclude_none=True)))


def _texts(value: Any, name: str = "") -> Iterator[str]:
    if isinstance(value, str):
        if name not in LEFT_OUT and not _is_id(value):
            yield without_rules(value) if name == "system_prompt" else value
    elif isinstance(value, list):
        latest = value[-LATEST_MESSAGES:] if value and isinstance(value[0], dict) and "role" in value[0] else value
        for each in latest:
            yield from _texts(each, name)
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from _texts(each, key)


def _is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
