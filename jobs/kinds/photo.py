"""A photo of a dialog's moment as a job: its prompt is written first, and drawn below it."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.companion.pictures import PictureSettings, due
from jobs.companion.quiet import quietly
from jobs.db.dialog.dialog_pictures import Moment
from jobs.db.work.jobs import Job, Json
from jobs.kinds.contract import NewJob
from jobs.owners import of_person

# what nobody asked for goes behind what people wait for
AUTOMATIC_PRIORITY = 5


async def automatic_photo(
    connection: AsyncConnection, reply: Job, persona: str | None, dialog_id: int, every: PictureSettings
) -> list[NewJob]:
    """What comes after this reply by itself: mostly nothing. In the transaction that completes the reply."""
    if persona is None or "telegram" not in reply.destination:
        return []
    found = await due(connection, dialog_id, every)
    if found is None:
        return []
    chat = quietly(reply.destination)
    new = photo(
        found.moment,
        found.job_id,
        persona=persona,
        item="automatic_picture",
        destination=chat,
        priority=AUTOMATIC_PRIORITY,
    )
    return [new]


def photo(moment: Moment, job_id: UUID, *, persona: str, item: str, destination: Json, priority: int) -> NewJob:
    """`item`: what the wallet takes it for. Both of its jobs are paid with this one."""
    given = {"persona": persona, "dialog_id": moment.dialog_id, "message_count": moment.message_count}
    return NewJob(
        "generate_image_prompt",
        given,
        of_person(moment.user_id),
        id=job_id,
        dialog_id=moment.dialog_id,
        destination=destination,
        metadata={"item": item},
        priority=priority,
    )
