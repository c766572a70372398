"""Where a reader of an account's feed stands: opaque text for clients, a place in the order of transactions for us."""

import re
from dataclasses import dataclass

from jobs.errors import InvalidInput

FORM = re.compile(r"([0-9a-f]{1,16})-([0-9a-f]{1,16})")
LARGEST = 2**63 - 1


@dataclass(frozen=True, order=True)
class Cursor:
    """Just behind the event with this place; the default is before the first one."""

    xid: int = 0
    position: int = 0

    def __str__(self) -> str:
        return f"{self.xid:x}-{self.position:x}"


def parse_cursor(words: str) -> Cursor:
    """Raises InvalidInput for anything that we did not hand out."""
    if match := FORM.fullmatch(words):
        cursor = Cursor(*(int(part, 16) for part in match.groups()))
        if max(cursor.xid, cursor.position) <= LARGEST:
            return cursor
    raise InvalidInput(
        "This is not a place in your feed. Send the `id` of an event or the `next` of a page, unchanged.",
        code="invalid_cursor",
    )


def parse_seq(words: str) -> int:
    """The place in one job's events. Raises InvalidInput."""
    if re.fullmatch(r"[0-9]{1,9}", words):
        return int(words)
    raise InvalidInput(
        "This is not a place among the job's events. Send the `id` of one of its events, a whole number.",
        code="invalid_cursor",
    )
