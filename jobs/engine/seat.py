"""A running ticket's place in its queue, as the ticket itself may see it."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Seat:
    """`leave`: the place is for the next ticket from now on, while this one still runs.

    `waits(True)`: it has done nothing yet that a stopping worker would have to wait for; `waits(False)`: it has.
    """

    leave: Callable[[], None]
    waits: Callable[[bool], None]
