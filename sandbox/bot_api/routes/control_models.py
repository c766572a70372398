"""What does the control API take?"""

from typing import Annotated

from fastapi import Depends, Query, Request
from pydantic import BaseModel, Field

from sandbox.bot_api.sandbox import Sandbox


def sandbox_of(request: Request) -> Sandbox:
    sandbox: Sandbox = request.app.state.sandbox
    return sandbox


AnySandbox = Annotated[Sandbox, Depends(sandbox_of)]
BotId = Annotated[int | None, Query(description="which bot; the first one if left out")]
Wait = Annotated[float, Query(ge=0, le=600, description="seconds to wait for the outcome")]


class NewUser(BaseModel):
    """`started` false: the bot may not write before the user has."""

    first_name: str = Field(min_length=1, max_length=64)
    last_name: str | None = None
    username: str | None = None
    language_code: str = "en"
    id: int | None = Field(default=None, ge=1)
    started: bool = True


class NewText(BaseModel):
    text: str
    reply_to_message_id: int | None = None


class EditedText(BaseModel):
    text: str


class Press(BaseModel):
    message_id: int
    data: str


class Payment(BaseModel):
    message_id: int


class Redelivery(BaseModel):
    """`times` copies are sent at the same moment."""

    times: int = Field(default=1, ge=1, le=20)
