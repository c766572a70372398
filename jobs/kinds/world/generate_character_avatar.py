"""The portrait of one person of a world."""

from functools import partial
from typing import ClassVar

from jobs.db.world import characters
from jobs.kinds.attempts import OTHER
from jobs.kinds.contract import Run
from jobs.kinds.world.inputs import OfCharacter
from jobs.kinds.world.picture import PictureResult, Subject, drawing
from jobs.kinds.world.scene import described, written_character_of
from jobs.worlds.prompting import filled

QUEUE = "image"
CHAT_ACTION = "upload_photo"
ATTEMPTS = OTHER


class Input(OfCharacter):
    width: ClassVar[int] = 512
    height: ClassVar[int] = 512


Result = PictureResult


async def _portrait(run: Run[Input]) -> Subject:
    world = await described(run, run.input.world_id)
    person = await written_character_of(run, world, run.input.character)
    prompt = filled("character_avatar", avatar_description=person.avatar_description, image_style=world.image_style)
    return Subject(
        person.avatar_media_id, prompt, partial(characters.set_avatar, world_id=world.id, position=person.position)
    )


run = drawing(_portrait)
