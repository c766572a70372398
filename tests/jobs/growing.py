"""A kind whose jobs do as their input says: grow children, fail, wait; and whatever runs their tickets off."""

import asyncio
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal, cast
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs import lifecycle
from jobs.db.session import Database
from jobs.db.work import jobs as job_rows
from jobs.db.work.jobs import Job
from jobs.errors import PermanentError
from jobs.kinds import registry
from jobs.kinds.contract import Kind, NewJob, Outcome, Run
from jobs.resources import Resources
from tests.factories import execute, rows

KIND = "grow"
QUEUE = "housekeeping"
CHAT_ACTION = "typing"
ATTEMPTS = 2
OWNER = "account:anna"

# each run that came to its end, so that one too many is seen
RUNS = "CREATE TABLE grown (job_id uuid, name text)"
NOTE = text("INSERT INTO grown (job_id, name) VALUES (:job_id, :name)")


class Plan(BaseModel):
    """What becomes of a step. `heals`: it fails only until it is tried again by a person."""

    model_config = ConfigDict(extra="forbid")

    name: str = "root"
    stage: str | None = None
    critical: bool = False
    does: Literal["complete", "fail"] = "complete"
    heals: bool = False
    seconds: float = 0.0
    to_chat: dict[str, Any] = {}
    children: list["Plan"] = []

    def all(self) -> Iterator["Plan"]:
        yield self
        for child in self.children:
            yield from child.all()


Input = Plan


class Result(BaseModel):
    name: str


async def run(run: Run[Plan], resources: Resources) -> Outcome:
    plan = run.input
    await asyncio.sleep(plan.seconds)
    if plan.does == "fail" and not (plan.heals and run.job.retries):
        error = PermanentError(f"{plan.name} failed as planned.", code="planned")
        error.usage = {"steps": 1}
        raise error

    async def save(connection: AsyncConnection) -> list[NewJob]:
        await connection.execute(NOTE, {"job_id": run.job.id, "name": plan.name})
        return []

    return Outcome(Result(name=plan.name), {"steps": 1}, save=save, children=[child_of(each) for each in plan.children])


def child_of(plan: Plan) -> NewJob:
    given = plan.model_dump(mode="json")
    return NewJob(KIND, given, "nobody", stage=plan.stage, critical=plan.critical, destination=plan.to_chat)


@contextmanager
def registered() -> Iterator[None]:
    from tests.jobs import growing

    registry.KINDS[KIND] = cast(Kind, growing)
    try:
        yield
    finally:
        del registry.KINDS[KIND]


@dataclass(frozen=True)
class Garden:
    """Trees, and somebody who runs their tickets."""

    resources: Resources

    @property
    def database(self) -> Database:
        return self.resources.database

    async def plant(self, plan: Plan, *, owner: str = OWNER, **more: Any) -> Job:
        new = replace(NewJob(KIND, plan.model_dump(mode="json"), owner), **more)
        async with self.database.transaction() as connection:
            return await self.resources.intake.submit(connection, new)

    async def tickets(self) -> dict[int, UUID]:
        query = (
            "SELECT id, args->>'job_id' AS job FROM procrastinate_jobs WHERE task_name = 'run_job' AND status = 'todo'"
        )
        return {row["id"]: UUID(row["job"]) for row in await rows(self.database, query + " ORDER BY id")}

    async def run_off(self, *, at_once: int = 4, dice: random.Random | None = None, most: int = 10_000) -> None:
        """Until no ticket is left. `dice`: in any order. `most`: so many tickets only."""
        done = 0
        while done < most and (waiting := await self.tickets()):
            chosen = list(waiting)
            if dice:
                dice.shuffle(chosen)
            chosen = chosen[: min(at_once, most - done)]
            await asyncio.gather(*(lifecycle.run_job(self.resources, waiting[each]) for each in chosen))
            await execute(self.database, f"DELETE FROM procrastinate_jobs WHERE id IN ({', '.join(map(str, chosen))})")
            done += len(chosen)

    async def begin(self, job: Job) -> "asyncio.Task[None]":
        """As a worker does, which has taken its ticket; returns when it runs."""
        taken = f"UPDATE procrastinate_jobs SET status = 'doing' WHERE args->>'job_id' = '{job.id}'"
        await execute(self.database, taken)
        running = asyncio.create_task(lifecycle.run_job(self.resources, job.id))
        while (await self.look(job)).status != "processing":  # noqa: ASYNC110 - another task changes it
            await asyncio.sleep(0.01)
        return running

    async def cancel(self, job: Job) -> Job:
        async with self.database.transaction() as connection:
            return await self.resources.intake.cancel(connection, job.id, job.owner)

    async def retry(self, job: Job) -> Job:
        async with self.database.transaction() as connection:
            return await self.resources.intake.retry(connection, job.id, job.owner)

    async def look(self, job: Job) -> Job:
        async with self.database.statement() as connection:
            found = await job_rows.get(connection, job.id)
        assert found is not None
        return found

    async def steps(self, root: Job) -> dict[str, Job]:
        """By the names in their plans."""
        async with self.database.transaction() as connection:
            query = text("SELECT id FROM jobs WHERE root_id = :id ORDER BY created_at")
            ids = list((await connection.execute(query, {"id": root.id})).scalars())
            found = [await job_rows.get(connection, job_id) for job_id in ids]
        named = {str(job.input["name"]): job for job in found if job}
        assert len(named) == len(ids), "a step was made twice"
        return named

    async def runs(self) -> list[str]:
        return [row["name"] for row in await rows(self.database, "SELECT name FROM grown ORDER BY name")]
