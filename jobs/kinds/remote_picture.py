"""A picture that a remote provider draws: what it is asked for, what is there already, and how it is stored."""

from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.companion.personas import Persona
from jobs.db.files import media as media_rows
from jobs.db.files.media import StoredFile
from jobs.db.gpu import picture_cache, predictions
from jobs.db.work.jobs import Job
from jobs.imaging.painted import Wanted
from jobs.kinds.contract import NewJob, Save

if TYPE_CHECKING:
    from jobs.resources import Resources

# of a persona whose workflow says nothing
USUAL_SIZE = 1024


def wanted_of(drawn: Persona, values: dict[str, Any]) -> Wanted:
    """The same as a lane would draw: what the request leaves open is as in the persona's workflow."""
    return Wanted(
        prompt=values["prompt"],
        negative_prompt=values["negative"],
        seed=values["seed"],
        width=values["width"] or _usual(drawn, "width"),
        height=values["height"] or _usual(drawn, "height"),
    )


def fingerprints(resources: "Resources", wanted: Wanted) -> dict[tuple[str, str], str]:
    """By provider and model: what a picture is known by that one of them has drawn."""
    return {
        who: picture_cache.fingerprint({"provider": who[0], "model": who[1], **vars(wanted)})
        for who in resources.images.models
    }


async def painted(job: Job, resources: "Resources", wanted: Wanted) -> tuple[StoredFile, dict[str, float], Save]:
    """Raises Postponed while a provider draws."""
    known_by = fingerprints(resources, wanted)
    picture = await resources.images.draw(job, wanted)
    stored = await resources.media.put(picture.drawn.data, uuid5(job.id, "picture"))
    # of an order that was placed with a model of yesterday's settings nothing is remembered
    drawn_from = known_by.get((picture.provider, picture.model))
    save = partial(_save, job, stored, drawn_from, picture.order_id, resources.result_ttl)
    return stored, dict(picture.drawn.usage), save


async def _save(
    job: Job,
    stored: StoredFile,
    drawn_from: str | None,
    order_id: UUID | None,
    ttl: int,
    connection: AsyncConnection,
) -> list[NewJob]:
    await media_rows.insert(connection, stored, owner=job.owner, job_id=job.id, ttl=ttl)
    if drawn_from:
        await picture_cache.remember(connection, stored.id, drawn_from)
    if order_id:
        await predictions.over(connection, order_id, "completed")
    return []


def _usual(drawn: Persona, name: str) -> int:
    node, field = drawn.workflow.get(name, ("", ""))
    found = drawn.graph.get(node, {}).get("inputs", {}).get(field)
    return found if isinstance(found, int) else USUAL_SIZE
