"""Which part of a file does a request ask for? (RFC 9110: Range, If-Range, If-None-Match)"""

import re
from dataclasses import dataclass

ONE_RANGE = re.compile(r"bytes=[ \t]*(?:(\d{1,19})-(\d{0,19})|-(\d{1,19}))[ \t]*", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True)
class Part:
    """From `start` up to and without `stop`."""

    start: int
    stop: int


class NotSatisfiable(Exception):
    """There is no such part in the file."""


def wanted_part(size: int, etag: str, *, asked: str | None, only_if: str | None) -> Part | None:
    """`asked`: Range. `only_if`: If-Range. None: the whole file, also for what is not understood, as the RFC says.

    Several ranges at once are answered with the whole. Raises NotSatisfiable.
    """
    if asked is None or (only_if is not None and only_if.strip() != etag):
        return None
    found = ONE_RANGE.fullmatch(asked.strip())
    if found is None:
        return None
    first, last, tail = found.groups()
    if tail is not None:
        return _satisfiable(max(0, size - int(tail)), size, size)
    if last and int(last) < int(first):
        return None
    return _satisfiable(int(first), min(int(last) + 1, size) if last else size, size)


def is_known(etag: str, known: str | None) -> bool:
    """`known`: If-None-Match, the versions that the client has already."""
    if known is None:
        return False
    versions = {each.strip().removeprefix("W/") for each in known.split(",")}
    return "*" in versions or etag in versions


def _satisfiable(start: int, stop: int, size: int) -> Part:
    if start >= size or start >= stop:
        raise NotSatisfiable
    return Part(start, stop)
