"""Folds the oldest messages of a long dialog into its summary. An inner kind: a reply asks for it."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.db.dialog import dialog_history, dialog_summaries
from jobs.db.dialog.dialog_history import History, StoredMessage
from jobs.errors import TemporaryError
from jobs.kinds.attempts import OTHER
from jobs.kinds.contract import NewJob, Outcome, Run
from jobs.kinds.dialogue import KindInput, Message
from jobs.kinds.replying import room_in

if TYPE_CHECKING:
    from jobs.resources import Resources

QUEUE = "llm"
CHAT_ACTION = "typing"
ATTEMPTS = OTHER

LONGEST_SUMMARY = 2000
SUMMARY_TOKENS = 400
TEMPERATURE = 0.3
# the parts of the window that stay as they were said, and that the summary may take
KEPT = 0.4
SUMMARY_SHARE = 0.25
INSTRUCTION = (
    "You keep the notes on a conversation between {name} and another person, so that {name} can go on with it later. "
    "Rewrite the notes so that they cover the new messages too: who the other person is and what they told about "
    "themselves, what was promised, planned or felt, where the two of them are now. Keep what still matters of the old "
    "notes and drop the rest. At most 150 words in plain sentences, in the language of the conversation. Write nothing "
    "but the notes."
)


class Input(KindInput):
    persona: str | None = None
    dialog_id: int


class Result(BaseModel):
    """`folded`: how many messages the summary tells of that it did not tell of before."""

    dialog_id: int
    folded: int


async def run(run: Run[Input], resources: "Resources") -> Outcome:
    given, model = run.input, resources.reply_llm
    room = room_in(model.context_tokens)
    async with run.database.transaction() as connection:
        history = await dialog_history.read(connection, given.dialog_id, int(room * KEPT))
        early = await _early(connection, given.dialog_id, room, history) if history else []
    folded = foldable(early, history.newest if history else [])
    if history is None or not folded:
        return Outcome(Result(dialog_id=given.dialog_id, folded=0))
    name = _name(given.persona, resources)
    completion = await model.complete(
        INSTRUCTION.format(name=name),
        [Message(role="user", content=_request(name, history.summary, folded, room))],
        max_tokens=SUMMARY_TOKENS,
        temperature=TEMPERATURE,
    )
    summary = completion.text.strip()[: min(LONGEST_SUMMARY, int(room * SUMMARY_SHARE))]
    if not summary:
        raise TemporaryError("The language model returned an empty summary.", code="empty_answer")
    save = partial(_save, given.dialog_id, summary, history.summarised_until, folded[-1].place)
    return Outcome(Result(dialog_id=given.dialog_id, folded=len(folded)), completion.usage, save=save)


async def _early(connection: AsyncConnection, dialog_id: int, room: int, history: History) -> list[StoredMessage]:
    if not history.newest:
        return []
    after, before = history.summarised_until, history.newest[0].place
    found = await dialog_history.oldest_messages(connection, dialog_id, room, after=after, before=before)
    length = 0
    for number, each in enumerate(found):
        length += len(each.content)
        if length > room and number:
            return found[:number]
    return found


def foldable(early: Sequence[StoredMessage], kept: Sequence[StoredMessage]) -> Sequence[StoredMessage]:
    """Up to an answer, so that no question is parted from it; what nobody has answered yet is never folded."""
    answers = [number for number, each in enumerate(early) if each.role == "assistant"]
    if answers:
        return early[: answers[-1] + 1]
    # the last of them may have its answer right behind it, at the same place
    return early[:-1] if any(each.role == "assistant" for each in kept) else []


def _name(persona: str | None, resources: "Resources") -> str:
    known = resources.personas.all.get(persona or "")
    return known.name["en"] if known else "the character"


def _request(name: str, summary: str, folded: Sequence[StoredMessage], room: int) -> str:
    speakers = {"user": "The other person", "assistant": name}
    lines = "\n".join(f"{speakers[each.role]}: {each.content}" for each in folded)
    notes = f"The notes so far:\n{summary}\n\n" if summary else ""
    return f"{notes}The new messages:\n{lines[: room + 20 * len(folded)]}"


async def _save(dialog_id: int, summary: str, before: int, until: int, connection: AsyncConnection) -> list[NewJob]:
    await dialog_summaries.fold(connection, dialog_id, summary, before=before, until=until)
    return []
