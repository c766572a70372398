"""The portrait of one person of a world."""

from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.db import characters
from jobs.kinds.contract import Outcome, Run
from jobs.kinds.world.inputs import OfCharacter
from jobs.kinds.world.picture import PictureResult, drawn, there_already
from jobs.kinds.world.scene import described, written_character_of
from jobs.worlds.prompting import filled

if TYPE_CHECKING:
    from jobs.resources import Resources

QUEUE = "image"
CHAT_ACTION = "upload_photo"
ATTEMPTS = 2


class Input(OfCharacter):
    @property
    def width(self) -> int:
        return 512

    @property
    def height(self) -> int:
        return 512


Result = PictureResult


async def run(run: Run[Input], resources: "Resources") -> Outcome:
    world = await described(run, run.input.world_id)
    character = await written_character_of(run, world, run.input.character)
    if character.avatar_media_id:
        return there_already(character.avatar_media_id)
    prompt = filled("character_avatar", avatar_description=character.avatar_description, image_style=world.image_style)
    return await drawn(run, resources, prompt, partial(_keep, world.id, character.position))


async def _keep(world_id: UUID, position: int, connection: AsyncConnection, media_id: UUID) -> None:
    await characters.set_avatar(connection, world_id, position, media_id)
