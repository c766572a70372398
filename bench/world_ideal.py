"""How soon could a world be there at best? As long as its longest chain, or as what asks most of what is limited."""

import math
from dataclasses import dataclass

from jobs.worlds.writing import MOST_AT_ONCE


@dataclass(frozen=True)
class Limits:
    """How long a call and a picture take, and how many of each may be under way at a time."""

    call_seconds: float
    calls: int
    picture_seconds: float
    lanes: int


@dataclass(frozen=True)
class World:
    """What was asked for, and what it took: `calls` of the model, `pictures`, `post_images` among them."""

    users: int
    posts: int
    calls: int
    pictures: int
    post_images: int


@dataclass(frozen=True)
class Ideal:
    """Seconds, of which the longest count."""

    chain: float
    calls: float
    pictures: float

    @property
    def seconds(self) -> float:
        return max(self.chain, self.calls, self.pictures)


def ideal(world: World, limits: Limits) -> Ideal:
    """No plan could be quicker: what it leaves out, such as lanes that wait for a person's looks, only adds to it."""
    most_each = math.ceil(world.posts / world.users)
    outlines = math.ceil(world.users / MOST_AT_ONCE) + math.ceil(most_each / MOST_AT_ONCE)
    # description, people in outline, a person; posts in outline, a post; its picture
    calls_in_a_row = (3 if world.posts else 2) + outlines
    last_picture = limits.picture_seconds if world.post_images else 0.0
    return Ideal(
        chain=calls_in_a_row * limits.call_seconds + last_picture,
        calls=world.calls / limits.calls * limits.call_seconds,
        # before the world is described nobody knows what to draw
        pictures=limits.call_seconds + world.pictures / limits.lanes * limits.picture_seconds,
    )
