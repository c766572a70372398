"""What every moderator looks like: something is said, and it says what is wrong with it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

# who says it (user or assistant), and what; the last one is what is asked about
Said = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Verdict:
    """`categories` in lower case, by the moderator's own names; it may flag something without a reason."""

    flagged: bool
    categories: tuple[str, ...] = ()


class Moderator(Protocol):
    """Raises the errors of jobs.errors, nothing else. `provider` and `model` name it in the log of calls."""

    provider: str
    model: str

    async def check(self, said: Said) -> Verdict: ...
