"""The background or the icon of a world."""

from functools import partial

from jobs.db.world import worlds
from jobs.db.world.worlds import WorldPicture
from jobs.kinds.attempts import OTHER
from jobs.kinds.contract import Run
from jobs.kinds.world.inputs import OfWorld
from jobs.kinds.world.picture import PictureResult, Subject, drawing
from jobs.kinds.world.scene import described
from jobs.worlds.prompting import filled

QUEUE = "image"
CHAT_ACTION = "upload_photo"
ATTEMPTS = OTHER


class Input(OfWorld):
    picture: WorldPicture

    @property
    def width(self) -> int:
        return 1280 if self.picture == "background" else 512

    @property
    def height(self) -> int:
        return 720 if self.picture == "background" else 512


Result = PictureResult


async def _view(run: Run[Input]) -> Subject:
    world, which = await described(run, run.input.world_id), run.input.picture
    made = world.background_media_id if which == "background" else world.icon_media_id
    prompt = filled(f"world_{which}", **vars(world))
    return Subject(made, prompt, partial(worlds.set_picture, world_id=world.id, which=which))


run = drawing(_view)
