"""A world as somebody looks at it: with its job, its counts, the calls that it made, and its feed with who wrote it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.db.provider import provider_report
from jobs.db.provider.provider_report import SortReport
from jobs.db.work import jobs as job_rows
from jobs.db.work import trees
from jobs.db.work.jobs import COLUMNS as JOB_COLUMNS
from jobs.db.work.jobs import Job
from jobs.db.work.trees import Count
from jobs.db.world import world_missing, worlds
from jobs.db.world.characters import COLUMNS as CHARACTER_COLUMNS
from jobs.db.world.characters import Character
from jobs.db.world.posts import Post
from jobs.db.world.world_missing import Lack
from jobs.db.world.worlds import Made, World


@dataclass(frozen=True)
class Grown:
    """A world and the job that makes it."""

    world: World
    job: Job


@dataclass(frozen=True)
class Report(Grown):
    """`counts`: of the steps while it grows, empty at its end. `planned_images`: of the posts planned by now.

    `missing`: nothing as long as it grows. `calls`: how many its steps have made, by sort. `sorts`: all calls that are
    under way, of every sort.
    """

    made: Made
    planned_images: int
    counts: Sequence[Count]
    missing: Sequence[Lack]
    calls: dict[str, int]
    sorts: Sequence[SortReport]


@dataclass(frozen=True)
class Authored:
    """A post with what one must know of who wrote it."""

    post: Post
    username: str
    display_name: str | None
    avatar_media_id: UUID | None


OPEN = ("pending", "processing")

JOBS = text(f"SELECT {JOB_COLUMNS} FROM jobs job WHERE id = ANY(:ids)").bindparams(bindparam("ids", type_=ARRAY(Uuid)))
PLANNED_IMAGES = text("SELECT count(*) FROM posts WHERE world_id = :id AND has_image")
CALLS = text("SELECT sort, calls FROM job_calls WHERE root_id = :id")
BY_USERNAME = text(f"SELECT {CHARACTER_COLUMNS} FROM characters WHERE world_id = :world_id AND username = :username")
FEED = (
    f"SELECT {', '.join(f'post.{name}' for name in Post.__dataclass_fields__)},"
    " author.username, author.display_name, author.avatar_media_id"
    " FROM posts post JOIN characters author ON author.id = post.character_id"
    " WHERE post.world_id = :world_id AND post.position > :after{conditions} ORDER BY post.position LIMIT :limit"
)


async def page(
    connection: AsyncConnection, owner: str, limit: int, *, before: tuple[datetime, UUID] | None = None
) -> list[Grown]:
    """The newest first."""
    found = await worlds.page(connection, owner, limit=limit, before=before)
    if not found:
        return []
    rows = await connection.execute(JOBS, {"ids": [each.id for each in found]})
    jobs = {row["id"]: Job(**row) for row in rows.mappings()}
    return [Grown(each, jobs[each.id]) for each in found if each.id in jobs]


async def get(connection: AsyncConnection, owner: str, world_id: UUID) -> Grown | None:
    world = await worlds.get(connection, owner, world_id)
    job = await job_rows.get(connection, world_id) if world else None
    return Grown(world, job) if world and job else None


async def report(connection: AsyncConnection, owner: str, world_id: UUID) -> Report | None:
    found = await get(connection, owner, world_id)
    if found is None:
        return None
    values = {"id": world_id}
    return Report(
        found.world,
        found.job,
        made=await worlds.made(connection, world_id),
        planned_images=int((await connection.execute(PLANNED_IMAGES, values)).scalar_one()),
        counts=await trees.counts(connection, world_id) if found.job.waits_for_steps else [],
        missing=await _missing(connection, found.job),
        calls={row.sort: row.calls for row in await connection.execute(CALLS, values)},
        sorts=await provider_report.sorts(connection),
    )


async def character(connection: AsyncConnection, world_id: UUID, username: str) -> Character | None:
    values = {"world_id": world_id, "username": username}
    row = (await connection.execute(BY_USERNAME, values)).mappings().first()
    return Character(**row) if row else None


async def feed(
    connection: AsyncConnection,
    world_id: UUID,
    limit: int,
    *,
    after: int = 0,
    character_id: UUID | None = None,
    written: bool = False,
) -> list[Authored]:
    """In the order of the feed, from the one `after` that position. `written`: only those that can be read."""
    conditions = " AND post.character_id = :character_id" if character_id else ""
    conditions += " AND post.written_at IS NOT NULL" if written else ""
    values = {"world_id": world_id, "after": after, "limit": limit}
    if character_id:
        values["character_id"] = character_id
    rows = await connection.execute(text(FEED.format(conditions=conditions)), values)
    return [_authored(dict(row)) for row in rows.mappings()]


async def _missing(connection: AsyncConnection, job: Job) -> Sequence[Lack]:
    if job.status in OPEN:
        return []
    if job.status == "completed" and job.result and "missing" in job.result:
        # as it was at its end: the steps that know why may be forgotten before it
        return [Lack(**each) for each in job.result["missing"]]
    return await world_missing.missing(connection, job.id)


def _authored(row: dict[str, object]) -> Authored:
    post = {name: row.pop(name) for name in Post.__dataclass_fields__}
    return Authored(Post(**post), **row)  # type: ignore[arg-type] # a row of the query above
