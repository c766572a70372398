"""Replicate's prediction: how far it is, where its picture is, and what its failures mean."""

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from jobs.providers.image_failures import (
    Blocked,
    CouldNotDraw,
    DrawingFailed,
    Incomplete,
    NotAPicture,
    Unreadable,
)
from jobs.providers.llm_failures import ABOUT_CONTENT, redacted
from jobs.providers.picture_bytes import LARGEST_PICTURE

RUNNING = ("starting", "processing")
OVER = ("succeeded", "failed", "canceled", "aborted")
ID = re.compile(r"[A-Za-z0-9_-]{1,100}", re.ASCII)
ABOUT_THEM = re.compile(
    r"\bE[0-9]{4}\b|out of memory|\bOOM\b|CUDA|timed? ?out|interrupted|unavailable|internal error", re.IGNORECASE
)
ABOUT_NUDITY = re.compile(r"\bNSFW\b|safety (checker|filter)|sensitive|inappropriate", re.IGNORECASE)
DEEPEST = 5
# one that does not say when it was made counts as new
UNTOLD = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Prediction:
    """`seconds` of their machine, where it tells. `removed`: an hour has passed, and the picture is gone."""

    id: str
    status: str
    input: dict[str, Any] = field(default_factory=dict)
    output: Any = None
    error: str = ""
    seconds: float | None = None
    removed: bool = False
    created_at: datetime = UNTOLD

    @property
    def is_over(self) -> bool:
        return self.status in OVER


def read(answer: Any) -> Prediction:
    """Raises Unreadable for what is no prediction, and for a status that nobody has told us of."""
    if not isinstance(answer, dict) or not ID.fullmatch(str(answer.get("id"))):
        raise Unreadable("The image provider replicate answered with something unreadable.")
    status = str(answer.get("status"))
    if status not in (*RUNNING, *OVER):
        raise Unreadable(f"The image provider replicate has a status that is not known ({redacted(status)}).")
    given, metrics = answer.get("input"), answer.get("metrics")
    seconds = metrics.get("predict_time") if isinstance(metrics, dict) else None
    return Prediction(
        id=answer["id"],
        status=status,
        input=given if isinstance(given, dict) else {},
        output=answer.get("output"),
        error=str(answer.get("error") or ""),
        seconds=round(float(seconds), 3) if isinstance(seconds, int | float) else None,
        removed=answer.get("data_removed") is True,
        created_at=_moment(answer.get("created_at")),
    )


def page(answer: Any, who: str) -> tuple[list[Prediction], str | None]:
    """One page of the account's orders, and the address of the next one."""
    try:
        following = answer.get("next")
        return [read(each) for each in answer["results"]], following if isinstance(following, str) else None
    except (LookupError, TypeError, AttributeError):
        raise Unreadable(f"{who} answered with something unreadable.") from None


def picture_address(prediction: Prediction, who: str) -> str:
    """Of the first picture that came of it. Raises what it failed with."""
    if prediction.status == "failed":
        raise _failure(prediction.error, who)
    if prediction.status == "canceled":
        raise DrawingFailed(
            f"{who} stopped the picture: somebody cancelled it, or it took more than REPLICATE_TIMEOUT."
        )
    if prediction.status == "aborted":
        raise DrawingFailed(f"{who} did not begin the picture within REPLICATE_TIMEOUT.")
    if prediction.removed:
        raise CouldNotDraw(f"{who} has deleted the picture, as it does after an hour.")
    address = next(_addresses(prediction.output), None)
    if address is None:
        raise NotAPicture(f"{who} says that it is done, and names no picture.")
    return address


def inline(address: str, who: str) -> bytes | None:
    """The picture itself, where the address holds it. Raises NotAPicture or Incomplete."""
    if not address.startswith("data:"):
        return None
    head, comma, payload = address.partition(",")
    if not comma or not head.endswith(";base64") or len(payload) > LARGEST_PICTURE * 4 // 3 + 4:
        raise NotAPicture(f"{who} sent something that is not a picture.")
    try:
        return base64.b64decode(payload, validate=True)
    except binascii.Error:
        raise Incomplete(f"{who} sent a picture that breaks off or is damaged.") from None


def _failure(words: str, who: str) -> Exception:
    if ABOUT_NUDITY.search(words) or ABOUT_CONTENT.search(words):
        return Blocked(f"{who} refused this content.")
    sentence = f"{who} could not draw the picture ({redacted(words)})."
    return DrawingFailed(sentence) if ABOUT_THEM.search(words) else CouldNotDraw(sentence)


def _addresses(output: Any, depth: int = 0) -> Iterator[str]:
    """An output is a string, a list or an object of such."""
    if isinstance(output, str):
        if output.startswith(("https://", "http://", "data:")):
            yield output
    elif isinstance(output, list | dict) and depth < DEEPEST:
        for each in output.values() if isinstance(output, dict) else output:
            yield from _addresses(each, depth + 1)


def _moment(text: Any) -> datetime:
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return UNTOLD
    return found if found.tzinfo else found.replace(tzinfo=UTC)
