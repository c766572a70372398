"""How the steps of a world are asked for: by what they are to make."""

from uuid import UUID

from pydantic import Field

from jobs.kinds.dialogue import KindInput

MOST_USERS = 50
MOST_POSTS = 500


class OfWorld(KindInput):
    # a text where the door reads it
    world_id: UUID = Field(strict=False)


class OfCharacter(OfWorld):
    """`character`: its position in the world, from 1."""

    character: int = Field(ge=1, le=MOST_USERS)


class OfPost(OfWorld):
    """`post`: its position in the feed of the world, from 1."""

    post: int = Field(ge=1, le=MOST_POSTS)
