"""The background or the icon of a world."""

from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.db import worlds
from jobs.db.worlds import WorldPicture
from jobs.kinds.contract import Outcome, Run
from jobs.kinds.world.inputs import OfWorld
from jobs.kinds.world.picture import PictureResult, drawn, there_already
from jobs.kinds.world.scene import described
from jobs.worlds.prompting import filled

if TYPE_CHECKING:
    from jobs.resources import Resources

QUEUE = "image"
CHAT_ACTION = "upload_photo"
ATTEMPTS = 2


class Input(OfWorld):
    picture: WorldPicture

    @property
    def width(self) -> int:
        return 1280 if self.picture == "background" else 512

    @property
    def height(self) -> int:
        return 720 if self.picture == "background" else 512


Result = PictureResult


async def run(run: Run[Input], resources: "Resources") -> Outcome:
    world, which = await described(run, run.input.world_id), run.input.picture
    is_there = world.background_media_id if which == "background" else world.icon_media_id
    if is_there:
        return there_already(is_there)
    return await drawn(run, resources, filled(f"world_{which}", **vars(world)), partial(_keep, world.id, which))


async def _keep(world_id: UUID, which: WorldPicture, connection: AsyncConnection, media_id: UUID) -> None:
    await worlds.set_picture(connection, world_id, which, media_id)
