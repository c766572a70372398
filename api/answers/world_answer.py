"""A world, its people and their posts as the API answers with them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from api.answers.world_schema import Calls, CallsBySort, CharacterAnswer, Counter, Counters, PostAnswer, WorldAnswer
from api.answers.world_words import lack_words
from jobs.db.work.jobs import Job, Json
from jobs.db.world.characters import Character
from jobs.db.world.world_missing import Lack
from jobs.db.world.world_report import Authored, Grown, Report
from jobs.db.world.worlds import World
from jobs.media_links import media_url
from jobs.worlds.standing import Planned, Standing, counts_at_the_end, standings

SORTS = ("llm", "image")


@dataclass(frozen=True)
class Links:
    """Signed links to the pictures of one world."""

    secret: bytes
    expires_at: datetime | None
    public_url: str = ""

    def to(self, media_id: UUID | None) -> str | None:
        if media_id is None:
            return None
        return media_url(media_id, self.secret, expires_at=self.expires_at, public_url=self.public_url)


def stages_of(report: Report) -> list[Standing]:
    planned = Planned(report.world.users, report.world.posts, report.planned_images, report.world.pictures)
    return standings(report.job, report.counts or counts_at_the_end(report.job), planned)


def counters_of(report: Report) -> Counters:
    world, made = report.world, report.made
    return Counters(
        users=Counter(planned=world.users, made=made.characters),
        avatars=Counter(planned=world.users if world.pictures else 0, made=made.avatars),
        posts=Counter(planned=world.posts, made=made.posts),
        post_images=Counter(planned=report.planned_images if world.pictures else 0, made=made.post_images),
    )


def calls_of(report: Report) -> CallsBySort:
    under_way = {each.sort: each for each in report.sorts}
    found = {
        sort: Calls(
            made=report.calls.get(sort, 0),
            in_flight=under_way[sort].in_flight if sort in under_way else 0,
            max_concurrent=under_way[sort].max_concurrent if sort in under_way else None,
        )
        for sort in SORTS
    }
    return CallsBySort(**found)


def view(grown: Grown, links: Links) -> Json:
    world, job = grown.world, grown.job
    return _written(WorldAnswer, world) | {
        "status": job.status,
        "partial": job.partial,
        "cancelling": job.cancel_requested_at is not None and job.status == "processing",
        "error": job.error,
        "background_url": links.to(world.background_media_id),
        "icon_url": links.to(world.icon_media_id),
        "finished_at": job.finished_at,
        "expires_at": job.expires_at,
        "urls": _urls(world, job, links.public_url),
    }


def whole_view(report: Report, links: Links) -> Json:
    return view(report, links) | {
        "stages": [vars(each) for each in stages_of(report)],
        "counters": counters_of(report).model_dump(),
        "calls": calls_of(report).model_dump(),
        "missing": [_lacking(report, each) for each in report.missing],
    }


def character_view(character: Character, links: Links) -> Json:
    return _written(CharacterAnswer, character) | {"avatar_url": links.to(character.avatar_media_id)}


def post_view(authored: Authored, links: Links) -> Json:
    post = authored.post
    more = {"username": authored.username, "image_url": links.to(post.image_media_id)}
    return _written(PostAnswer, post) | more


def _written(answer: type[BaseModel], row: Any) -> Json:
    """What both have under the same name."""
    return {name: getattr(row, name) for name in answer.model_fields if hasattr(row, name)}


def words_of(report: Report, lack: Lack, locale: str) -> str:
    counters = counters_of(report)
    planned = {
        "characters": counters.users, "avatars": counters.avatars, "posts": counters.posts,
        "post_images": counters.post_images,
    }  # fmt: skip
    return lack_words(locale, lack, planned[lack.what].planned if lack.what in planned else 1)


def _lacking(report: Report, lack: Lack) -> Json:
    detail = f" {lack.error['detail']}" if lack.error else ""
    return vars(lack) | {"words": words_of(report, lack, "en") + detail}


def _urls(world: World, job: Job, public_url: str) -> dict[str, str]:
    itself, of_job = f"{public_url}/v1/worlds/{world.id}", f"{public_url}/v1/jobs/{job.id}"
    return {
        "self": itself, "characters": f"{itself}/characters", "posts": f"{itself}/posts", "job": of_job,
        "events": f"{of_job}/events", "page": f"{public_url}/worlds/{world.id}",
    }  # fmt: skip


def listed(name: str, views: Sequence[Json], following: str | None) -> Json:
    """One page of `name`."""
    return {name: list(views), "has_more": following is not None, "next": following}
