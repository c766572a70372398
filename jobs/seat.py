"""A running ticket's place in its queue, as the run itself may see it."""

from collections.abc import Callable
from dataclasses import dataclass


def _leave() -> None:
    pass


def _wait(waits: bool) -> None:
    del waits


@dataclass(frozen=True)
class Seat:
    """`leave`: what is still to do needs no place; it is for the next ticket from now on.

    `waits(True)`: nothing was begun yet, and a worker that stops gives the ticket to another at once;
    `waits(False)`: it was. Without a worker around the run both do nothing.
    """

    leave: Callable[[], None] = _leave
    waits: Callable[[bool], None] = _wait
