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

from api.moments import YEAR, Moment, ahead, at_once_if_past
from jobs.kinds import generate_image, generate_image_prompt, generate_reply
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


KindRequest = GenerateImage | GenerateReply | GenerateImagePrompt
AnyJobRequest = Annotated[KindRequest, Field(discriminator="kind")]
