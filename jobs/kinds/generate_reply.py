"""A persona's answer: to a conversation given in the input, or to what a dialog has not answered yet."""

from functools import partial
from typing import TYPE_CHECKING, Self
from uuid import uuid4

from pydantic import BaseModel, Field, model_validator
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.companion.draft import draft_of, write_reply
from jobs.companion.pictures import NEVER, PictureSettings
from jobs.db.dialog import dialog_history, dialog_replies, dialog_summaries, dialogs
from jobs.db.dialog.dialog_history import History
from jobs.kinds.attempts import CRITICAL
from jobs.kinds.contract import NewJob, Outcome, Run
from jobs.kinds.dialogue import LONGEST_MESSAGE, KindInput, Message, MessageText
from jobs.kinds.photo import automatic_photo
from jobs.kinds.replying import (
    REPLY_TOKENS,
    conversation_in,
    has_outgrown,
    in_chat,
    key_of_last_part,
    next_reply,
    reply_in,
    room_in,
    shown,
    summary_of,
)

if TYPE_CHECKING:
    from jobs.resources import Resources

QUEUE = "llm"
CHAT_ACTION = "typing"
ATTEMPTS = CRITICAL


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
    given, model = run.input, resources.reply_llm
    system = given.system_prompt or resources.personas.find(given.persona or "").system_prompt
    history = await _history(run, room_in(model.context_tokens))
    conversation = [*given.history, Message(role="user", content=given.user_message)]
    prompt = shown(system, conversation_in(history) if history else conversation, history, model.context_tokens)
    draft = draft_of(resources.telegram, run.database, resources.pace, run.job)
    written = await write_reply(model, draft, prompt.system, prompt.messages, max_tokens=REPLY_TOKENS)
    reply = reply_in(written.text)
    every = resources.pictures if resources.intake.draws else NEVER
    save = partial(_save, run, reply, history, model.context_tokens, every) if history else None
    result = Result(reply=reply, dialog_id=given.dialog_id)
    return Outcome(result, written.usage, in_chat(run.job, reply, history), save)


async def _history(run: Run[Input], room: int) -> History | None:
    """Of a dialog in which something was said; the input's own history goes before it."""
    given = run.input
    if given.dialog_id is None or given.history:
        return None
    async with run.database.statement() as connection:
        history = await dialog_history.read(connection, given.dialog_id, room)
    return history if history and history.newest else None


async def _save(
    run: Run[Input], reply: str, history: History, tokens: int, every: PictureSettings, connection: AsyncConnection
) -> list[NewJob]:
    """Store the answer; what the user wrote while it was being written gets one further job, together."""
    dialog_id, job = run.input.dialog_id, run.job
    assert dialog_id is not None, "only a dialog's reply is saved"
    answered, next_id = max(each.id for each in history.newest), uuid4()
    await dialogs.add_reply(connection, dialog_id, reply, job.id, answers=answered)
    unanswered = await dialog_replies.settle(
        connection, dialog_id, next_id, key_of_last_part(job, reply), answered=answered
    )
    who = run.input.model_dump(mode="json", include={"persona", "system_prompt"}, exclude_none=True)
    following = next_reply(job, next_id, who, dialog_id, unanswered)
    # an answer that follows at once brings the picture with it
    new_jobs = [following] if following else await automatic_photo(connection, job, run.input.persona, dialog_id, every)
    if has_outgrown(history, reply, tokens):
        summary = summary_of(job, run.input.persona, dialog_id)
        if await dialog_summaries.begin(connection, dialog_id, summary.id):
            new_jobs.append(summary)
    return new_jobs
