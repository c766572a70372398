"""Plans a broadcast's message for one stretch of people. An inner kind: a broadcast makes it.

Each person's delivery has a key of its own, so that a part which begins anew after a crash sends nobody a second one.
"""

from typing import TYPE_CHECKING

from pydantic import BaseModel

from jobs.companion.messages.outbox import ChatText, send_to_chat
from jobs.companion.operating.broadcast import readers
from jobs.db.chats import broadcasts
from jobs.kinds.attempts import CRITICAL
from jobs.kinds.contract import Outcome, Run
from jobs.kinds.dialogue import KindInput

if TYPE_CHECKING:
    from jobs.resources import Resources

QUEUE = "housekeeping"
CHAT_ACTION = "typing"
ATTEMPTS = CRITICAL

CHUNK = 50


class Input(KindInput):
    """Whose number is larger than `after`, up to `until`."""

    broadcast_id: int
    after: int
    until: int


class Result(BaseModel):
    planned: int


async def run(run: Run[Input], resources: "Resources") -> Outcome:
    del resources
    last, planned = run.input.after, 0
    while found := await plan_chunk(run, last):
        last, planned = found[-1], planned + len(found)
    return Outcome(Result(planned=planned))


async def plan_chunk(run: Run[Input], after: int) -> list[int]:
    """For whom, in their order; nobody once all have it, or the broadcast was stopped."""
    given = run.input
    async with run.database.transaction() as connection:
        if not await broadcasts.hold_running(connection, given.broadcast_id):
            return []
        broadcast = await broadcasts.get(connection, given.broadcast_id)
        assert broadcast is not None, "it is held"
        found = await broadcasts.people(connection, readers(broadcast.locale), after, given.until, CHUNK)
        for user_id in found:
            key = f"broadcast:{broadcast.id}:{user_id}"
            await send_to_chat(connection, user_id, [ChatText(broadcast.words)], key=key, job_id=run.job.id, bulk=True)
    return found
