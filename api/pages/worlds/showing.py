"""One world: how far it is, who lives there, and what they post."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from starlette.responses import Response

from api.answers import world_answer
from api.answers.world_answer import Links
from api.answers.world_words import stage_names
from api.media_secret import media_secret
from api.pages.failure_words import error_words
from api.pages.rendering import page, page_router, part
from api.pages.visits import Member, MemberVisit
from api.pages.words import words
from api.pages.worlds.feed import After, some_posts
from api.pages.worlds.words import world_words
from jobs.companion.wording import say
from jobs.db.world import characters, world_report
from jobs.db.world.world_report import Report
from jobs.errors import NotFound
from jobs.worlds.standing import Standing

router = page_router("/worlds")


@dataclass(frozen=True)
class StageRow:
    """One line of how far a world is."""

    name: str
    standing: Standing
    counted: str
    failed: str


@router.get("/{world_id}")
async def show(visit: Member, world_id: UUID, after: After = 0) -> Response:
    return page(visit, "worlds/world.html", **await _shown(visit, world_id, after))


@router.get("/{world_id}/state")
async def state(visit: Member, world_id: UUID, after: After = 0) -> Response:
    """What changes while the page is open: nearly all of it."""
    return part(visit, "worlds/state.html", **await _shown(visit, world_id, after))


async def _shown(visit: MemberVisit, world_id: UUID, after: int) -> dict[str, Any]:
    async with visit.request.app.state.database.transaction() as connection:
        report = await world_report.report(connection, visit.caller.owner, world_id)
        if report is None:
            raise NotFound(f"There is no world {world_id}.")
        people = await characters.page(connection, world_id)
        posts = await some_posts(connection, world_id, after)
    return {
        "w": world_words(visit.locale),
        "world": report.world,
        "job": report.job,
        "people": people,
        "links": Links(await media_secret(visit.request.app), report.job.expires_at),
        "after": after,
        **posts,
        **_how_far(visit.locale, report),
    }


def _how_far(locale: str, report: Report) -> dict[str, Any]:
    stages = world_answer.stages_of(report)
    return {
        "stages": [_stage_row(locale, each) for each in stages if each.planned],
        "counters": world_answer.counters_of(report),
        "calls": _calls(locale, report),
        "lacking": [
            (world_answer.words_of(report, each, locale), error_words(locale, each.error)) for each in report.missing
        ],
        "errors": error_words(locale, report.job.error),
        "kept_until": _kept_until(locale, report),
    }


def _stage_row(locale: str, standing: Standing) -> StageRow:
    return StageRow(
        stage_names(locale).get(standing.stage, standing.stage),
        standing,
        say(locale, "world.counter", made=standing.done, planned=standing.planned),
        say(locale, "world.failed_steps", count=standing.failed) if standing.failed else "",
    )


def _calls(locale: str, report: Report) -> list[str]:
    found = world_answer.calls_of(report)
    words = [say(locale, "world.calls", made=found.llm.made)] if found.llm.made else []
    if found.llm.max_concurrent is not None:
        in_flight, most = found.llm.in_flight, found.llm.max_concurrent
        words.append(say(locale, "world.calls_of_limit", in_flight=in_flight, most=most))
    if found.image.made:
        words.append(say(locale, "world.picture_calls", made=found.image.made))
    return words


def _kept_until(locale: str, report: Report) -> str | None:
    moment = report.job.expires_at
    if moment is None:
        return None
    return say(locale, "world.kept_until", moment=moment.strftime(words(locale)["date_format"]))
