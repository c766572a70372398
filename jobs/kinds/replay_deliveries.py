"""Sends an endpoint's webhooks of a stretch of time anew. An inner kind: it is asked for at /v1/replays."""

import asyncio
from typing import TYPE_CHECKING, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field

from jobs.db.delivery import webhook_deliveries as deliveries
from jobs.db.delivery.webhook_deliveries import Choice
from jobs.db.work import jobs as job_rows
from jobs.kinds.attempts import CRITICAL
from jobs.kinds.contract import Outcome, Run
from jobs.kinds.dialogue import KindInput
from jobs.webhooks.again import replay_chunk, take_back
from jobs.webhooks.event_types import ALL, TEST, is_wanted

if TYPE_CHECKING:
    from jobs.resources import Resources

QUEUE = "webhooks"
CHAT_ACTION = "typing"
ATTEMPTS = CRITICAL

CHUNK = 200


class Input(KindInput):
    """What was planned from `since` until before `until`; `statuses` as they are when the replay comes to them."""

    endpoint_id: UUID
    since: AwareDatetime
    until: AwareDatetime
    events: list[str] = Field(default=["*"], min_length=1, max_length=20)
    statuses: list[Literal["sent", "failed", "unknown"]] = Field(
        default=["sent", "failed", "unknown"], min_length=1, max_length=3
    )


class Result(BaseModel):
    """How many were put on their way again; GET /v1/deliveries tells what became of each."""

    endpoint_id: UUID
    replayed: int


async def run(run: Run[Input], resources: "Resources") -> Outcome:
    given, job = run.input, run.job
    types = [event for event in (*ALL, TEST) if is_wanted(event, given.events)]
    choice = Choice(
        job.owner, given.endpoint_id, given.since, given.until, types, list(given.statuses), replay_job=str(job.id)
    )
    async with run.database.transaction() as connection:
        total = await deliveries.count_chosen(connection, choice)
    done = last = 0
    try:
        while True:
            async with run.database.transaction() as connection:
                ids = await replay_chunk(connection, choice, after=last, chunk=CHUNK)
            if not ids:
                break
            done, last = done + len(ids), ids[-1]
            run.progress.report(done, max(done, total), "replaying")
    except asyncio.CancelledError:
        await _cancelled(run)
        raise
    return Outcome(Result(endpoint_id=given.endpoint_id, replayed=done))


async def _cancelled(run: Run[Input]) -> None:
    """Its owner does not want the rest; a worker that merely stops leaves everything to the next one."""
    async with run.database.transaction() as connection:
        if await job_rows.is_cancel_requested(connection, run.job.id):
            await take_back(connection, run.job.owner, run.input.endpoint_id, run.job.id)
