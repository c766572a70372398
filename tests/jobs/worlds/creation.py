"""What tests of worlds are made of: stand-ins that write and draw, a worker's resources, and who runs the tickets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx

from jobs import lifecycle
from jobs.db.session import Database
from jobs.db.work.jobs import Job
from jobs.providers.gemini import Gemini
from jobs.resources import Resources
from jobs.settings import LaneSettings
from sandbox.comfyui.server import ComfyServer
from sandbox.comfyui.settings import ComfySettings
from sandbox.gemini import ScriptedGemini
from sandbox.gemini_content import Content
from sandbox.serve import serving
from tests.factories import execute, job, rows, submit, worker

OWNER = "key:anna"
PROMPT = "Киберпанк мир с высокими технологиями"


@dataclass
class Creation:
    resources: Resources
    gemini: ScriptedGemini
    lane: ComfyServer
    address: str

    @property
    def database(self) -> Database:
        return self.resources.database

    async def ask(
        self, *, users: int = 3, posts: int = 7, owner: str = OWNER, prompt: str = PROMPT, **more: Any
    ) -> Job:
        given = {"prompt": prompt, "users": users, "posts": posts, **more}
        return await submit(self.resources, "init_world_creation", given, owner=owner)

    async def step(self, kind: str, world: Job, owner: str = OWNER, **given: Any) -> Job:
        """Asked for by a client."""
        return await submit(self.resources, kind, {"world_id": str(world.id), **given}, owner=owner)

    async def tickets(self, queue: str) -> list[tuple[int, UUID]]:
        """In the order in which a worker takes them. What is to be tried later is not waited for."""
        query = (
            "SELECT id, args->>'job_id' AS job FROM procrastinate_jobs WHERE task_name = 'run_job'"
            " AND queue_name LIKE :queue ORDER BY priority DESC, id"
        )
        return [(each["id"], UUID(each["job"])) for each in await rows(self.database, query, queue=queue)]

    async def work(self, most: int = 10_000, *, at_once: int = 4, queue: str = "%") -> list[UUID]:
        """Until nothing is left to do, or so many tickets were run; whose they were, in order."""
        ran: list[UUID] = []
        while len(ran) < most and (waiting := (await self.tickets(queue))[: min(at_once, most - len(ran))]):
            await asyncio.gather(*(lifecycle.run_job(self.resources, job_id) for _, job_id in waiting))
            done = ", ".join(str(ticket) for ticket, _ in waiting)
            await execute(self.database, f"DELETE FROM procrastinate_jobs WHERE id IN ({done})")
            ran += [job_id for _, job_id in waiting]
        return ran

    async def look(self, one: Job) -> Job:
        return await job(self.database, one.id)

    async def people(self, world: Job) -> list[dict[str, Any]]:
        return await self.people_of(world.id)

    async def posts(self, world: Job) -> list[dict[str, Any]]:
        return await self.posts_of(world.id)

    async def people_of(self, world_id: UUID | str) -> list[dict[str, Any]]:
        query = "SELECT * FROM characters WHERE world_id = CAST(:id AS uuid) ORDER BY position"
        return await rows(self.database, query, id=str(world_id))

    async def posts_of(self, world_id: UUID | str) -> list[dict[str, Any]]:
        query = "SELECT * FROM posts WHERE world_id = CAST(:id AS uuid) ORDER BY position"
        return await rows(self.database, query, id=str(world_id))


@asynccontextmanager
async def creating(
    database: Database,
    media: Path,
    content: Content | None = None,
    *,
    draws: bool = True,
    seconds_per_picture: float = 0.01,
) -> AsyncIterator[Creation]:
    """`draws`: whether the installation has a lane."""
    gemini = ScriptedGemini(content or Content())
    async with (
        serving(gemini.app, stop_grace=0.05) as url,
        ComfyServer(ComfySettings(seconds_per_picture=seconds_per_picture)) as lane,
        httpx.AsyncClient(verify=False, trust_env=False) as client,
        worker(database, comfyui=lane.host, media=media) as resources,
    ):
        model = Gemini(
            client, base_url=url, version="v1beta", api_key="", model="scripted", context_tokens=100_000, timeout=10
        )
        if not draws:
            resources.intake.lanes = LaneSettings(comfyui_hosts="", _env_file=None)
        yield Creation(replace(resources, models={"WORLD_LLM": model}), gemini, lane, url)
