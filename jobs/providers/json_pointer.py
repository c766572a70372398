"""What stands at a place of a JSON document, by RFC 6901: `/data/url/0`, where ~1 means / and ~0 means ~."""

import re
from typing import Any

WELL_FORMED = re.compile(r"(?:/(?:[^/~]|~[01])*)*")
INDEX = re.compile(r"0|[1-9][0-9]{0,8}", re.ASCII)


class NothingThere(LookupError):
    """The document has no such place."""


def is_pointer(pointer: str) -> bool:
    return WELL_FORMED.fullmatch(pointer) is not None


def at(document: Any, pointer: str) -> Any:
    """Raises NothingThere, also for `-`, the place behind a list's end. The empty pointer is the whole document."""
    if not is_pointer(pointer):
        raise NothingThere(pointer)
    found = document
    for token in pointer.split("/")[1:]:
        found = _step(found, token.replace("~1", "/").replace("~0", "~"))
    return found


def _step(inside: Any, token: str) -> Any:
    if isinstance(inside, dict) and token in inside:
        return inside[token]
    if isinstance(inside, list) and INDEX.fullmatch(token) and int(token) < len(inside):
        return inside[int(token)]
    raise NothingThere(token)
