"""The list of one's analyses, the newest first."""

from typing import Any

from starlette.responses import Response

from api.answers.paging import cursor_of
from api.pages.analyses.progress_words import progress_words
from api.pages.places import place_or_beginning
from api.pages.rendering import page, page_router, part
from api.pages.visits import Member, MemberVisit
from jobs.db.analyses import comparisons

router = page_router("/analyses")

AT_A_TIME = 25


@router.get("")
async def listed(visit: Member, cursor: str | None = None) -> Response:
    return page(visit, "analyses/listing.html", **await _shown(visit, cursor))


@router.get("/rows")
async def rows(visit: Member, cursor: str | None = None) -> Response:
    """What changes while the page is open."""
    return part(visit, "analyses/rows.html", **await _shown(visit, cursor))


async def _shown(visit: MemberVisit, cursor: str | None) -> dict[str, Any]:
    before = place_or_beginning(cursor)
    async with visit.request.app.state.database.transaction() as connection:
        found = await comparisons.page(connection, visit.caller.owner, AT_A_TIME + 1, before=before)
        shown, more = found[:AT_A_TIME], len(found) > AT_A_TIME
        documents = await comparisons.documents_of(connection, [each.id for each in shown])
    return {
        "rows": [(each, documents[each.id], progress_words(visit.locale, each)) for each in shown],
        "following": cursor_of(shown[-1].created_at, shown[-1].id) if more else None,
        "first": before is None,
    }
