"""A persona's answer: to a conversation given in the input, or to what a dialog has not answered yet."""

from functools import partial
from typing import TYPE_CHECKING, Self
from uuid import uuid4

from pydantic import BaseModel, Field, model_validator
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.companion.outbox import ChatText
from jobs.db import dialogs
from jobs.errors import TemporaryError
from jobs.kinds.contract import NewJob, Outcome, Run
from jobs.kinds.dialogue import LONGEST_MESSAGE, KindInput, Message, MessageText, newest_within, said

if TYPE_CHECKING:
    from jobs.resources import Resources

QUEUE = "llm"
CHAT_ACTION = "typing"
ATTEMPTS = 4

# a model that does not stop is cut off: this is ten messages of Telegram's
LONGEST_REPLY = 30_000


class Input(KindInput):
    """Without `history`, a `dialog_id` answers everything that the dialog's user has written since the last answer."""

    persona: str | None = None
    system_prompt: str | None = Field(default=None, min_length=1, max_length=LONGEST_MESSAGE)
    history: list[Message] = Field(default=[], max_length=10_000)
    user_message: MessageText
    dialog_id: int | None = None

    @model_validator(mode="after")
    def says_who_answers(self) -> Self:
        if not (self.persona or self.system_prompt):
            raise ValueError("say who answers: a persona or a system_prompt")
        return self


class Result(BaseModel):
    reply: str
    dialog_id: int | None = None


async def run(run: Run[Input], resources: "Resources") -> Outcome:
    given = run.input
    system_prompt = given.system_prompt or resources.personas.find(given.persona or "").system_prompt
    conversation = [*given.history, Message(role="user", content=given.user_message)]
    newest = None
    if given.dialog_id is not None and not given.history:
        async with run.database.transaction() as connection:
            stored = await dialogs.recent_messages(connection, given.dialog_id)
        if stored:
            conversation = [said(each.role, each.content[-LONGEST_MESSAGE:]) for each in stored]
            newest = max(each.id for each in stored)

    completion = await resources.reply_llm.complete(
        system_prompt, newest_within(conversation, resources.reply_llm.context_tokens), max_tokens=400
    )
    reply = completion.text.strip()[:LONGEST_REPLY]
    if not reply:
        raise TemporaryError("The language model returned an empty answer.", code="empty_answer")
    save = partial(_save, run, reply, newest) if newest is not None else None
    return Outcome(Result(reply=reply, dialog_id=given.dialog_id), completion.usage, [ChatText(reply)], save)


async def _save(run: Run[Input], reply: str, answered: int, connection: AsyncConnection) -> list[NewJob]:
    """Store the answer; what the user wrote while it was being written gets one further job, together."""
    dialog_id = run.input.dialog_id
    assert dialog_id is not None, "only a dialog's reply is saved"
    await dialogs.lock(connection, dialog_id)
    unanswered = await dialogs.unanswered_text(connection, dialog_id, after=answered)
    await dialogs.add_reply(connection, dialog_id, reply, run.job.id, answers=answered)
    next_id = uuid4() if unanswered else None
    await dialogs.set_reply_job(connection, dialog_id, next_id)
    if not (unanswered and next_id):
        return []
    job = run.job
    fields = {**run.input.model_dump(mode="json", exclude={"history"}), "user_message": unanswered[-LONGEST_MESSAGE:]}
    following = NewJob(
        "generate_reply",
        fields,
        job.owner,
        id=next_id,
        dialog_id=dialog_id,
        destination=job.destination,
        priority=job.priority,
    )
    return [following]
