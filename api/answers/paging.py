"""Cursors: where a page ended, as text that means nothing to clients."""

import base64
import binascii
import json
from datetime import datetime
from uuid import UUID

from jobs.errors import InvalidInput


def cursor_of(moment: datetime, identity: UUID) -> str:
    place = json.dumps([moment.isoformat(), identity.hex])
    return base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")


def place_of(cursor: str | None) -> tuple[datetime, UUID] | None:
    """Raises InvalidInput for text that no page ended with."""
    if cursor is None:
        return None
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        moment, identity = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        found = datetime.fromisoformat(moment), UUID(identity)
        if found[0].tzinfo is None or not 2000 < found[0].year < 3000 or cursor_of(*found) != cursor:
            raise ValueError("nobody was given this")
    except (ValueError, TypeError, AttributeError, binascii.Error, RecursionError):
        detail = "It is not the `next` of a page."
        raise InvalidInput(
            f"The cursor is not valid. {detail} Leave it out to begin anew.",
            errors=[{"parameter": "cursor", "in": "query", "detail": detail}],
            code="invalid_cursor",
        ) from None
    return found
