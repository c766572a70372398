"""What nobody asked for comes if it can, and is not spoken of if it cannot."""

from typing import Any

Destination = dict[str, Any]


def quietly(destination: Destination) -> Destination:
    """The same chat, which hears of the result only: not of a failure, not of a wait, not of what is missing to pay."""
    return {**destination, "telegram": {**destination["telegram"], "quiet": True}}


def is_quiet(destination: Destination) -> bool:
    return bool(destination.get("telegram", {}).get("quiet"))
