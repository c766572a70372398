"""What does JSON look like on Telegram's wire, and which clock dates it?"""

import time
from typing import Any

Wire = dict[str, Any]
"""A JSON object exactly as it travels."""


def now() -> float:
    """Epoch seconds with millisecond precision, the way every timing of the sandbox is given."""
    return round(time.time(), 3)


def without_none(**fields: Any) -> Wire:
    """Telegram leaves absent fields out instead of sending null."""
    return {name: value for name, value in fields.items() if value is not None}


def utf16_length(text: str) -> int:
    """Offsets of message entities count UTF-16 units."""
    return len(text.encode("utf-16-le")) // 2
