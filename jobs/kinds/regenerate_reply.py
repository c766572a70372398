"""A dialog's last answer, written anew in its place. An inner kind: it is asked for by a button below the answer."""

from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.companion.messages.outbox import ChatDelete, ChatEdit, Message
from jobs.companion.messages.reply_buttons import reply_buttons
from jobs.companion.wording import locale_of
from jobs.db.dialog import dialog_history, dialog_replies, dialogs
from jobs.db.dialog.dialog_history import History
from jobs.db.work.jobs import Job
from jobs.errors import PermanentError
from jobs.kinds.attempts import CRITICAL
from jobs.kinds.contract import NewJob, Outcome, Run
from jobs.kinds.dialogue import KindInput
from jobs.kinds.replying import (
    REPLY_TOKENS,
    conversation_in,
    key_of_last_part,
    next_reply,
    reply_in,
    room_in,
    shown,
)

if TYPE_CHECKING:
    from jobs.resources import Resources

QUEUE = "llm"
CHAT_ACTION = "typing"
ATTEMPTS = CRITICAL


class Input(KindInput):
    """`written_by`: the job whose answer is to be replaced. `message_id`: Telegram's number of the message with the
    button; `other_parts`: deliveries with the parts of the answer above it."""

    persona: str
    dialog_id: int
    written_by: UUID
    message_id: int
    other_parts: list[str] = Field(default=[])


class Result(BaseModel):
    reply: str
    dialog_id: int


async def run(run: Run[Input], resources: "Resources") -> Outcome:
    given, model = run.input, resources.reply_llm
    system = resources.personas.find(given.persona).system_prompt
    history = await _history_before(run, room_in(model.context_tokens))
    prompt = shown(system, conversation_in(history), history, model.context_tokens)
    completion = await model.complete(prompt.system, prompt.messages, max_tokens=REPLY_TOKENS)
    reply = reply_in(completion.text)
    result = Result(reply=reply, dialog_id=given.dialog_id)
    return Outcome(result, completion.usage, _in_place(run.job, given, reply), partial(_save, run, reply))


async def _history_before(run: Run[Input], room: int) -> History:
    """What the answer had answered. Raises PermanentError when there is nothing to write anew any more."""
    given = run.input
    async with run.database.transaction() as connection:
        found = await dialog_history.reply_of(connection, given.dialog_id, given.written_by)
        history = None
        if found:
            reply_id, place = found
            history = await dialog_history.read(connection, given.dialog_id, room, until=place, without=reply_id)
    if history is None or not history.newest:
        raise PermanentError("The answer that was to be written anew is gone.", code="answer_gone")
    return history


def _in_place(job: Job, given: Input, reply: str) -> list[Message]:
    edited = ChatEdit(given.message_id, reply, reply_buttons(locale_of(job.destination), job.id))
    return [edited, *(ChatDelete(part) for part in given.other_parts)]


async def _save(run: Run[Input], reply: str, connection: AsyncConnection) -> list[NewJob]:
    """The answer before it is gone; what was written while this one was being written gets one further job."""
    given, job = run.input, run.job
    await dialogs.lock(connection, given.dialog_id)
    answered = await dialog_replies.replace(connection, given.dialog_id, reply, job.id, of=given.written_by)
    next_id = uuid4()
    unanswered = await dialog_replies.settle(
        connection, given.dialog_id, next_id, key_of_last_part(job, reply), answered=answered
    )
    following = next_reply(job, next_id, {"persona": given.persona}, given.dialog_id, unanswered)
    return [following] if following else []
