"""How a picture reads in a chat: covered or not, with the way to its original; and its progress goes when it comes."""

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.companion import picture_progress
from jobs.companion.messages.outbox import Button, Buttons, ChatPhoto
from jobs.companion.pictures import is_covered
from jobs.companion.wording import locale_of, say
from jobs.db.dialog import dialog_pictures
from jobs.db.work.jobs import Job
from jobs.kinds.contract import NewJob, Outcome, Save

if TYPE_CHECKING:
    from jobs.kinds import generate_image

ORIGINAL = "original:"


def in_chat(job: Job, given: "generate_image.Input", outcome: Outcome, *, rating: str) -> Outcome:
    """`rating`: of the persona in whose style it is. What was written for a dialog's moment is not shown below it."""
    result: generate_image.Result = outcome.result  # type: ignore[assignment] # that kind makes nothing else
    locale = locale_of(job.destination)
    caption = given.prompt if given.dialog_id is None else ""
    photo = ChatPhoto(result.media_id, caption, original_button(locale, result.media_id), is_covered(rating))
    drawn = partial(_drawn, job, given, result, outcome.save)
    return replace(outcome, messages=[photo], save=drawn)


def original_button(locale: str, media_id: UUID) -> Buttons:
    return ((Button(say(locale, "button.original"), f"{ORIGINAL}{media_id}"),),)


async def _drawn(
    job: Job,
    given: "generate_image.Input",
    result: "generate_image.Result",
    save: Save | None,
    connection: AsyncConnection,
) -> list[NewJob]:
    following = await save(connection) if save else []
    if given.dialog_id is not None:
        await dialog_pictures.drawn(connection, given.dialog_id, result.seed, given.prompt, result.media_id)
    await picture_progress.clear(connection, job)
    return list(following)
