"""What does a world lack of all that was planned for it, and why?"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.db.work.jobs import Json

# what a part depends on: the first of these stages that failed is the reason why it is not there
STAGES = {
    "background": ("world_images",),
    "icon": ("world_images",),
    "characters": ("characters", "character_batch"),
    "avatars": ("avatars", "characters"),
    "posts": ("posts", "post_batches", "characters"),
    "post_images": ("post_images", "posts"),
}


@dataclass(frozen=True)
class Lack:
    """`what`: one of STAGES. `positions`: of the characters or posts that lack it. `error`: that of the first failure.

    Pictures of posts that are not written are not counted: nobody knows yet which of them have one.
    """

    what: str
    count: int
    positions: list[int]
    error: Json | None


def _numbered(what: str, planned: str, table: str, lacks: str) -> str:
    return (
        f"SELECT '{what}' AS what, array_agg(number ORDER BY number) AS positions"
        f" FROM worlds CROSS JOIN generate_series(1, worlds.{planned}) AS number"
        f" LEFT JOIN {table} AS made ON made.world_id = worlds.id AND made.position = number"
        f" WHERE worlds.id = :id AND {lacks} HAVING count(*) > 0"
    )


def _of_world(what: str) -> str:
    return (
        f"SELECT '{what}' AS what, CAST('{{}}' AS integer[]) AS positions FROM worlds"
        f" WHERE id = :id AND pictures AND {what}_media_id IS NULL"
    )


LACKING = text(
    " UNION ALL ".join(
        [
            _of_world("background"),
            _of_world("icon"),
            _numbered("characters", "users", "characters", "made.written_at IS NULL"),
            _numbered("avatars", "users", "characters", "made.avatar_media_id IS NULL AND worlds.pictures"),
            _numbered("posts", "posts", "posts", "made.written_at IS NULL"),
            _numbered(
                "post_images", "posts", "posts",
                "made.written_at IS NOT NULL AND made.has_image AND made.image_media_id IS NULL",
            ),
        ]
    )
)  # fmt: skip
# the cause before what was closed because of it
FAILURES = text(
    "SELECT DISTINCT ON (part) coalesce(input->>'picture', stage) AS part, error FROM jobs"
    " WHERE root_id = :id AND status IN ('failed', 'cancelled', 'expired') AND error IS NOT NULL"
    " ORDER BY part, error->>'code' = 'branch_failed', created_at"
)


async def missing(connection: AsyncConnection, world_id: UUID) -> list[Lack]:
    """In the order in which a world grows. While it does, that is also what is only not there yet."""
    found = {row.what: row.positions for row in await connection.execute(LACKING, {"id": world_id})}
    if not found:
        return []
    errors = {row.part: row.error for row in await connection.execute(FAILURES, {"id": world_id})}
    return [
        Lack(what, len(found[what]) or 1, found[what], _reason(errors, what, stages))
        for what, stages in STAGES.items()
        if what in found
    ]


def _reason(errors: dict[str, Json], what: str, stages: Sequence[str]) -> Json | None:
    error = next((errors[each] for each in (what, *stages) if each in errors), None)
    return {"code": error["code"], "detail": error["detail"]} if error else None
