"""The body of POST /v1/jobs: one form for each kind, told apart by `kind`."""

import json
import math
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    ValidationInfo,
    field_validator,
)

from api.answers.moments import YEAR, Moment, ahead, at_once_if_past
from jobs.kinds import generate_image, generate_image_prompt, generate_reply, run_ollama_analysis
from jobs.kinds.world import (
    generate_character,
    generate_character_avatar,
    generate_character_batch,
    generate_post,
    generate_post_batch,
    generate_post_image,
    generate_world_description,
    generate_world_image,
    init_world_creation,
)
from jobs.storable import is_storable

# a person in a chat goes before everything that comes in here, at 10
HIGHEST_PRIORITY = 9
LOWEST_PRIORITY = -10
LARGEST_METADATA = 16_000
LONGEST_URL = 2048


def _bounded(metadata: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """A mistake of the caller is said now, not by the database."""
    if not is_storable(json.dumps(metadata, ensure_ascii=False)) or not _is_plain(metadata):
        raise ValueError("holds a zero byte, half a character, or a number that JSON does not have")
    if len(json.dumps(metadata)) > LARGEST_METADATA:
        raise ValueError(f"is at most {LARGEST_METADATA:,} characters of JSON")
    return metadata


def _is_plain(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, str):
        return is_storable(value)
    if isinstance(value, dict):
        return all(_is_plain(key) and _is_plain(each) for key, each in value.items())
    return not isinstance(value, list) or all(_is_plain(each) for each in value)


Metadata = Annotated[dict[str, JsonValue], AfterValidator(_bounded)]
Deadline = Annotated[Moment, ahead(YEAR)]
RunAt = Annotated[Moment, AfterValidator(at_once_if_past), ahead(YEAR)]


class JobRequest(BaseModel):
    """What every kind can be asked with. Members that are not known are refused."""

    model_config = ConfigDict(extra="forbid")

    webhook_url: str | None = Field(
        default=None, max_length=LONGEST_URL, description="Where to tell of this job's events, signed."
    )
    webhook_events: list[str] | None = Field(
        default=None,
        min_length=1,
        max_length=20,
        description="Types of events to tell of, such as `job.completed`. The ends of the job, if left out.",
    )
    priority: int = Field(
        default=0,
        strict=True,
        ge=LOWEST_PRIORITY,
        le=HIGHEST_PRIORITY,
        description="Higher goes first within a queue. People in chats go before all of them.",
    )
    run_at: RunAt = Field(default=None, description="Not before this moment. One that has passed means at once.")
    deadline: Deadline = Field(
        default=None, description="A job that has not begun by then expires instead of running in vain."
    )
    metadata: Metadata = Field(default={}, description="Yours: it comes back with the job, and nobody looks at it.")

    @field_validator("deadline")
    @classmethod
    def leaves_time(cls, deadline: datetime | None, others: ValidationInfo) -> datetime | None:
        run_at = others.data.get("run_at")
        if deadline and run_at and deadline <= run_at:
            raise ValueError("is not after run_at: the job would expire before it may begin")
        return deadline

    @field_validator("webhook_events")
    @classmethod
    def are_sent_somewhere(cls, events: list[str] | None, others: ValidationInfo) -> list[str] | None:
        if events and not others.data.get("webhook_url"):
            raise ValueError("where to? Name a webhook_url")
        return events


def _example(kind: str, given: dict[str, Any], **more: Any) -> ConfigDict:
    return ConfigDict(json_schema_extra={"example": {"kind": kind, "input": given, **more}})


class GenerateImage(JobRequest):
    """A picture from a prompt."""

    model_config = _example(
        "generate_image",
        {"prompt": "a lighthouse at dusk, rain on the lens", "width": 512, "height": 768},
        metadata={"order": "A-17"},
    )

    kind: Literal["generate_image"]
    input: generate_image.Input


class GenerateReply(JobRequest):
    """The answer to a conversation, in the words of a persona or of a system prompt."""

    model_config = _example(
        "generate_reply",
        {"persona": "lina", "history": [], "user_message": "What are you reading?"},
        priority=5,
    )

    kind: Literal["generate_reply"]
    input: generate_reply.Input


class GenerateImagePrompt(JobRequest):
    """A prompt for a picture, written from who is in it and what was said."""

    model_config = _example(
        "generate_image_prompt",
        {
            "name": "Lina",
            "description": "a woman of 27 with short dark hair and a green coat",
            "recent_dialogue": [{"role": "user", "content": "Send me a picture from your walk!"}],
        },
    )

    kind: Literal["generate_image_prompt"]
    input: generate_image_prompt.Input


class RunOllamaAnalysis(JobRequest):
    """The analysis of a comparison anew. `POST /v1/comparisons` asks for the first one."""

    model_config = _example("run_ollama_analysis", {"comparison_id": "0c0b6c7e-8f0a-4b51-9d0c-5d8a4f2b7e10"})

    kind: Literal["run_ollama_analysis"]
    input: run_ollama_analysis.Input


WORLD = "0c0b6c7e-8f0a-4b51-9d0c-5d8a4f2b7e10"


class InitWorldCreation(JobRequest):
    """A world with its people, their posts and the pictures of all that: a tree of steps below this job."""

    model_config = _example(
        "init_world_creation", {"prompt": "A cyberpunk world of high technology", "users": 5, "posts": 20}
    )

    kind: Literal["init_world_creation"]
    input: init_world_creation.Input


class GenerateWorldDescription(JobRequest):
    """A step of a world by itself, as all that follow: what is there already is not made again."""

    model_config = _example("generate_world_description", {"world_id": WORLD})

    kind: Literal["generate_world_description"]
    input: generate_world_description.Input


class GenerateWorldImage(JobRequest):
    """The background or the icon of a world."""

    model_config = _example("generate_world_image", {"world_id": WORLD, "picture": "icon"})

    kind: Literal["generate_world_image"]
    input: generate_world_image.Input


class GenerateCharacterBatch(JobRequest):
    """The plan of who lives in a world."""

    model_config = _example("generate_character_batch", {"world_id": WORLD})

    kind: Literal["generate_character_batch"]
    input: generate_character_batch.Input


class GenerateCharacter(JobRequest):
    """One person of a world, by their position."""

    model_config = _example("generate_character", {"world_id": WORLD, "character": 1})

    kind: Literal["generate_character"]
    input: generate_character.Input


class GenerateCharacterAvatar(JobRequest):
    """The portrait of a person."""

    model_config = _example("generate_character_avatar", {"world_id": WORLD, "character": 1})

    kind: Literal["generate_character_avatar"]
    input: generate_character_avatar.Input


class GeneratePostBatch(JobRequest):
    """The plan of what a person posts."""

    model_config = _example("generate_post_batch", {"world_id": WORLD, "character": 1})

    kind: Literal["generate_post_batch"]
    input: generate_post_batch.Input


class GeneratePost(JobRequest):
    """One post, by its position in the feed of the world."""

    model_config = _example("generate_post", {"world_id": WORLD, "post": 1})

    kind: Literal["generate_post"]
    input: generate_post.Input


class GeneratePostImage(JobRequest):
    """The picture of a post."""

    model_config = _example("generate_post_image", {"world_id": WORLD, "post": 1})

    kind: Literal["generate_post_image"]
    input: generate_post_image.Input


WorldRequest = (
    InitWorldCreation
    | GenerateWorldDescription
    | GenerateWorldImage
    | GenerateCharacterBatch
    | GenerateCharacter
    | GenerateCharacterAvatar
    | GeneratePostBatch
    | GeneratePost
    | GeneratePostImage
)
KindRequest = GenerateImage | GenerateReply | GenerateImagePrompt | RunOllamaAnalysis | WorldRequest
AnyJobRequest = Annotated[KindRequest, Field(discriminator="kind")]
