"""Where a list goes on: an address that somebody has cut short leads to its beginning, and not to an error."""

from datetime import datetime
from uuid import UUID

from api.answers.paging import place_of
from jobs.errors import InvalidInput


def place_or_beginning(cursor: str | None) -> tuple[datetime, UUID] | None:
    try:
        return place_of(cursor)
    except InvalidInput:
        return None
