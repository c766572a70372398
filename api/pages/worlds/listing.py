"""The list of one's worlds, the newest first."""

from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from api.answers.paging import cursor_of
from api.answers.world_answer import Links
from api.media_secret import media_secret
from api.pages.places import place_or_beginning
from api.pages.rendering import page, page_router, part
from api.pages.visits import Member, MemberVisit
from api.pages.worlds.words import world_words
from jobs.db.world import world_report
from jobs.db.world.world_report import Grown

router = page_router("/worlds")

AT_A_TIME = 24


@dataclass(frozen=True)
class Row:
    grown: Grown
    background: str | None
    icon: str | None


@router.get("")
async def listed(visit: Member, cursor: str | None = None) -> Response:
    return page(visit, "worlds/listing.html", **await _shown(visit, cursor))


@router.get("/rows")
async def rows(visit: Member, cursor: str | None = None) -> Response:
    """What changes while the page is open."""
    return part(visit, "worlds/rows.html", **await _shown(visit, cursor))


async def _shown(visit: MemberVisit, cursor: str | None) -> dict[str, Any]:
    before = place_or_beginning(cursor)
    async with visit.request.app.state.database.transaction() as connection:
        found = await world_report.page(connection, visit.caller.owner, AT_A_TIME + 1, before=before)
    shown, more = found[:AT_A_TIME], len(found) > AT_A_TIME
    secret = await media_secret(visit.request.app)
    return {
        "w": world_words(visit.locale),
        "rows": [_row(each, Links(secret, each.job.expires_at)) for each in shown],
        "following": cursor_of(shown[-1].world.created_at, shown[-1].world.id) if more else None,
        "first": before is None,
    }


def _row(grown: Grown, links: Links) -> Row:
    world = grown.world
    return Row(grown, links.to(world.background_media_id), links.to(world.icon_media_id))
