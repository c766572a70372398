"""Calls of this worker that wait for a slot: the one that this worker frees is handed on at once."""

import asyncio
from dataclasses import dataclass

from jobs.guard.call import Target


@dataclass(frozen=True)
class Turn:
    target: Target
    yields: bool


class Waiting:
    """Truth is with PostgreSQL: who is told of a free slot asks there, and may find it taken."""

    def __init__(self) -> None:
        # the longest wait first
        self.turns: dict[asyncio.Future[None], Turn] = {}

    def __len__(self) -> int:
        return len(self.turns)

    async def wait(self, target: Target, seconds: float, *, yields: bool = False) -> None:
        """Returns when a slot came free here, or after so long. `yields`: to those who do not."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.turns[turn] = Turn(target, yields)
        try:
            await asyncio.wait({turn}, timeout=seconds)
        except asyncio.CancelledError:
            if turn.done():
                self.hand_on(target)
            raise
        finally:
            self.turns.pop(turn, None)

    def hand_on(self, freed: Target) -> None:
        """To a call for which somebody waits; and to one of the same provider rather than another, which may be held
        up by its own provider's limit."""

        def rank(turn: asyncio.Future[None]) -> tuple[bool, bool]:
            waits = self.turns[turn]
            return waits.yields, waits.target.provider != freed.provider

        if turn := min(self.turns, key=rank, default=None):
            del self.turns[turn]
            turn.set_result(None)
