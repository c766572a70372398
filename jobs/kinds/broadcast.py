"""Sends one message to everybody, as an admin has asked in the chat. An inner kind: it only makes the parts below it.

A part is a stretch of people by their numbers. The parts begin one after another, about as fast as Telegram takes
messages, so that what waits to be sent is never much more than one of them.
"""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from pydantic import BaseModel

from jobs.companion.operating.broadcast import readers
from jobs.db.chats import broadcasts
from jobs.kinds.attempts import CRITICAL
from jobs.kinds.contract import NewJob, Outcome, Run
from jobs.kinds.dialogue import KindInput

if TYPE_CHECKING:
    from jobs.resources import Resources

QUEUE = "housekeeping"
CHAT_ACTION = "typing"
ATTEMPTS = CRITICAL

PART = 500
# somewhat below what Telegram allows for all chats together
PEOPLE_PER_SECOND = 25
LARGEST_ID = 2**63 - 1


class Input(KindInput):
    broadcast_id: int


class Result(BaseModel):
    parts: int


async def run(run: Run[Input], resources: "Resources") -> Outcome:
    del resources
    broadcast_id = run.input.broadcast_id
    async with run.database.transaction() as connection:
        found = await broadcasts.get(connection, broadcast_id)
        if found is None or found.status != "running":
            return Outcome(Result(parts=0))
        ends = await broadcasts.bounds(connection, readers(found.locale), PART)
    now = datetime.now(UTC)
    children = [
        NewJob(
            "broadcast_part",
            {"broadcast_id": broadcast_id, "after": after, "until": until},
            run.job.owner,
            stage="send",
            priority=run.job.priority,
            run_at=now + timedelta(seconds=number * PART / PEOPLE_PER_SECOND) if number else None,
        )
        for number, (after, until) in enumerate(pairwise([0, *ends, LARGEST_ID]))
    ]
    return Outcome(Result(parts=len(children)), children=children)
