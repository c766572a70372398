"""The body of a request from Telegram: bounded, JSON, and free of what a database cannot store."""

import json
import math
from typing import Any

from starlette.requests import Request

from jobs.storable import storable

LARGEST_BODY = 1_000_000
LARGEST_UPDATE_ID = 2**63


class TooLarge(Exception):
    pass


async def read(request: Request, largest: int = LARGEST_BODY) -> bytes:
    """Raises TooLarge without reading more than that."""
    announced = request.headers.get("content-length", "0")
    if announced.isdigit() and int(announced) > largest:
        raise TooLarge
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > largest:
            raise TooLarge
    return bytes(body)


def parse_update(body: bytes) -> dict[str, Any]:
    """Raises ValueError for what is not an update."""
    update = json.loads(body)
    if not isinstance(update, dict) or type(update.get("update_id")) is not int:
        raise ValueError("not an update")
    if not 0 <= update["update_id"] < LARGEST_UPDATE_ID:
        raise ValueError("not an update id")
    return {key: _storable(value) for key, value in update.items()}


def _storable(value: Any) -> Any:
    """PostgreSQL refuses the rest, and one message would block its chat."""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, list):
        return [_storable(each) for each in value]
    if isinstance(value, dict):
        return {_storable(key): _storable(each) for key, each in value.items()}
    return value
