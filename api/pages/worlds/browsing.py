"""One of the people of a world: who they are, and what they have posted."""

from typing import Any
from uuid import UUID

from starlette.responses import Response

from api.answers.world_answer import Links
from api.media_secret import media_secret
from api.pages.rendering import page, page_router, part
from api.pages.visits import Member, MemberVisit
from api.pages.worlds.feed import After, some_posts
from api.pages.worlds.words import world_words
from jobs.db.world import world_report
from jobs.errors import NotFound

router = page_router("/worlds")


@router.get("/{world_id}/people/{username}")
async def show(visit: Member, world_id: UUID, username: str, after: After = 0) -> Response:
    return page(visit, "worlds/person.html", **await _shown(visit, world_id, username, after))


@router.get("/{world_id}/people/{username}/state")
async def state(visit: Member, world_id: UUID, username: str, after: After = 0) -> Response:
    """What changes while the page is open."""
    return part(visit, "worlds/person_state.html", **await _shown(visit, world_id, username, after))


async def _shown(visit: MemberVisit, world_id: UUID, username: str, after: int) -> dict[str, Any]:
    async with visit.request.app.state.database.transaction() as connection:
        found = await world_report.get(connection, visit.caller.owner, world_id)
        person = await world_report.character(connection, world_id, username) if found else None
        if found is None or person is None:
            raise NotFound(f"There is nobody called {username!r} in the world {world_id}.")
        posts = await some_posts(connection, world_id, after, character_id=person.id)
    return {
        "w": world_words(visit.locale),
        "world": found.world,
        "job": found.job,
        "person": person,
        "after": after,
        **posts,
        "links": Links(await media_secret(visit.request.app), found.job.expires_at),
    }
