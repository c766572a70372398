"""When does a persona send a picture by itself? Every few messages of the person, drawn anew each time."""

import random
from dataclasses import dataclass
from uuid import UUID, uuid4

from pydantic import Field, ValidationInfo, field_validator
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.db.dialog import dialog_pictures
from jobs.db.dialog.dialog_pictures import Moment
from jobs.settings import SettingsGroup

COVERED = ("suggestive", "adult")


class PictureSettings(SettingsGroup):
    """After at least and at most so many messages of a person comes an automatic picture; 0 and 0: never."""

    image_every_min: int = Field(default=3, ge=0, le=1_000_000)
    image_every_max: int = Field(default=5, ge=0, le=1_000_000, validate_default=True)

    @field_validator("image_every_max")
    @classmethod
    def is_not_less(cls, most: int, others: ValidationInfo) -> int:
        least = others.data.get("image_every_min", 0)
        if most < least or (least == 0 and most > 0):
            raise ValueError("it is at least IMAGE_EVERY_MIN, and that is 1 or more; 0 for both means never")
        return most

    @property
    def never(self) -> bool:
        return self.image_every_max == 0

    def draw(self) -> int:
        return random.randint(self.image_every_min, self.image_every_max)  # noqa: S311 - a surprise, not a secret


NEVER = PictureSettings.model_construct(image_every_min=0, image_every_max=0)


@dataclass(frozen=True)
class Due:
    """A picture that is to be begun now, by the job of this id."""

    moment: Moment
    job_id: UUID


async def due(connection: AsyncConnection, dialog_id: int, every: PictureSettings) -> Due | None:
    """After a reply: whether a picture comes now; if so, that it was begun is written down, and when the next is due.

    While another one is on its way, and where this moment has its picture already, it waits for the next message.
    """
    moment = None if every.never else await dialog_pictures.hold(connection, dialog_id)
    if moment is None or not moment.wanted:
        return None
    next_at = moment.next_picture_at
    if next_at is None:
        next_at = moment.message_count - 1 + every.draw()
        await dialog_pictures.schedule(connection, dialog_id, next_at)
    if moment.message_count < next_at or moment.on_its_way or moment.pictured:
        return None
    found = Due(moment, uuid4())
    await dialog_pictures.begin_automatic(connection, dialog_id, found.job_id, moment.message_count + every.draw())
    return found


def is_covered(rating: str) -> bool:
    """Whether pictures of a persona of this rating are hidden until they are touched."""
    return rating in COVERED
