"""Calls of this worker that wait for a slot: the one that this worker frees is handed on at once."""

import asyncio

from jobs.guard.call import Target


class Waiting:
    """Truth is with PostgreSQL: who is told of a free slot asks there, and may find it taken."""

    def __init__(self) -> None:
        # the longest wait first
        self.turns: dict[asyncio.Future[None], Target] = {}

    def __len__(self) -> int:
        return len(self.turns)

    async def wait(self, target: Target, seconds: float) -> None:
        """Returns when a slot came free here, or after so long."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.turns[turn] = target
        try:
            await asyncio.wait({turn}, timeout=seconds)
        except asyncio.CancelledError:
            if turn.done():
                self.hand_on(target)
            raise
        finally:
            self.turns.pop(turn, None)

    def hand_on(self, freed: Target) -> None:
        """To a call of the same provider if one waits: another may be held up by its own provider's limit."""
        turn = next((turn for turn, target in self.turns.items() if target.provider == freed.provider), None)
        turn = turn or next(iter(self.turns), None)
        if turn:
            del self.turns[turn]
            turn.set_result(None)
