"""What a world, its people and their posts look like in an answer; for the documentation."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from api.answers.job_answer import JobError, Status
from api.answers.world_examples import CHARACTER_EXAMPLE, POST_EXAMPLE, WORLD_EXAMPLE
from jobs.db.work.jobs import Json

LINK = "Good without a key, until the world's `expires_at` or for a day; null until it is there."


def _example(value: Json) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [value]})


class Location(BaseModel):
    name: str
    description: str


class SocialGroup(BaseModel):
    """`roles`: over which its people are spread."""

    name: str
    description: str
    roles: list[str]


class WorldUrls(BaseModel):
    self: str
    characters: str
    posts: str
    job: str = Field(description="To follow, cancel or retry it.")
    events: str
    page: str


class WorldAnswer(BaseModel):
    """A world. `users` and `posts`: how many were asked for. Its words are null until it is described.

    `status`, `partial` and `error` are those of its job, which has the same id.
    """

    id: UUID
    status: Status
    partial: bool = Field(description="It completed with some of its parts missing.")
    cancelling: bool
    error: JobError | None
    prompt: str
    users: int
    posts: int
    pictures: bool = Field(description="false: texts alone.")
    language: str | None
    name: str | None
    description: str | None
    theme: str | None
    technology_level: str | None
    social_structure: str | None
    culture: str | None
    geography: str | None
    visual_style: str | None
    history: str | None
    notable_locations: list[Location]
    social_groups: list[SocialGroup]
    background_url: str | None = Field(description=LINK)
    icon_url: str | None = Field(description=LINK)
    created_at: datetime
    finished_at: datetime | None
    expires_at: datetime | None = Field(description="Until then it is kept; not known before it has ended.")
    urls: WorldUrls


class StageAnswer(BaseModel):
    """A stage that ended with some of its parts missing is `completed`.

    `failed`: without a result; once the world has ended, those too that were never begun.
    """

    model_config = ConfigDict(from_attributes=True)

    stage: str
    status: Status
    planned: int
    done: int
    failed: int


class Counter(BaseModel):
    planned: int
    made: int


class Counters(BaseModel):
    """`post_images`: as far as posts are planned."""

    users: Counter
    avatars: Counter
    posts: Counter
    post_images: Counter


class Calls(BaseModel):
    """`made` for this world. `in_flight` of `max_concurrent`: all calls of this sort, for whomever; null: none yet."""

    made: int
    in_flight: int
    max_concurrent: int | None


class CallsBySort(BaseModel):
    """Pictures that lanes draw are no calls."""

    llm: Calls
    image: Calls


class Why(BaseModel):
    """Of the first step that failed."""

    code: str
    detail: str


class Lacking(BaseModel):
    """What there is less of than was planned, as in the job's result. `positions`: of those people or posts."""

    what: Literal["background", "icon", "characters", "avatars", "posts", "post_images"]
    count: int
    positions: list[int]
    words: str
    error: Why | None


class WholeWorld(WorldAnswer):
    """With how far it is: by stage, in numbers, and at its end what is missing."""

    model_config = _example(WORLD_EXAMPLE)

    stages: list[StageAnswer]
    counters: Counters
    calls: CallsBySort
    missing: list[Lacking]


class WorldPage(BaseModel):
    """`next`: the `cursor` of the next page, null on the last one."""

    worlds: list[WorldAnswer]
    has_more: bool
    next: str | None


class CharacterAnswer(BaseModel):
    """One of the people. Planned first (`username` to `posts`), then written: until then the rest is null."""

    model_config = _example(CHARACTER_EXAMPLE)

    id: UUID
    position: int
    username: str
    role: str
    social_group: str
    concept: str
    posts: int = Field(description="How many are planned.")
    display_name: str | None
    bio: str | None
    appearance: str | None
    personality: str | None
    avatar_description: str | None
    interests: list[str]
    speaking_style: str | None
    avatar_url: str | None = Field(description=LINK)
    written_at: datetime | None


class CharacterPage(BaseModel):
    """In the order of their positions. `next`: the `cursor` of the next page, null on the last one."""

    characters: list[CharacterAnswer]
    has_more: bool
    next: str | None


class PostAnswer(BaseModel):
    """One post. Planned first (`concept`, `has_image`), then written: until then the rest is null."""

    model_config = _example(POST_EXAMPLE)

    id: UUID
    position: int = Field(description="In the feed of the world, from 1.")
    character_id: UUID
    username: str
    concept: str
    has_image: bool
    content: str | None
    image_prompt: str | None
    hashtags: list[str]
    mood: str | None
    context: str | None
    image_url: str | None = Field(description=LINK)
    written_at: datetime | None


class PostPage(BaseModel):
    """In the order of the feed. `next`: the `cursor` of the next page, null on the last one."""

    posts: list[PostAnswer]
    has_more: bool
    next: str | None
