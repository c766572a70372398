"""A prompt for a picture, written by a language model from a persona and the recent dialogue.

For a moment of a dialog it is written once and kept, and the picture is drawn below it.
"""

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Self

from pydantic import BaseModel, Field, model_validator
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.companion.messages.outbox import ChatText
from jobs.db.dialog import dialog_history, dialog_pictures
from jobs.db.dialog.dialog_pictures import seed_of_moment
from jobs.db.work.jobs import Json
from jobs.errors import Misconfigured, TemporaryError
from jobs.kinds.attempts import CRITICAL
from jobs.kinds.contract import NewJob, Outcome, Run
from jobs.kinds.dialogue import LONGEST_MESSAGE, KindInput, Message, newest_within, said

if TYPE_CHECKING:
    from jobs.resources import Resources

QUEUE = "llm"
CHAT_ACTION = "upload_photo"
ATTEMPTS = CRITICAL

LONGEST_PROMPT = 1000
# what was said last is what the picture is about
RECENT_CHARACTERS = 8000
INSTRUCTION = (
    "You write prompts for an image generator. Describe in one English paragraph of at most 60 words the picture that "
    "{name} would send now: who is in it, the place, the light, the mood. No names, no quotation marks, no comments.\n"
    "{name}: {description}"
)


class Input(KindInput):
    """With a dialog and its message count: the prompt for that moment of it, which is drawn as well."""

    persona: str | None = None
    name: str | None = Field(default=None, min_length=1, max_length=200)
    description: str | None = Field(default=None, min_length=1, max_length=8000)
    recent_dialogue: list[Message] = Field(default=[], max_length=1000)
    dialog_id: int | None = None
    message_count: int | None = Field(default=None, ge=0, le=2**31 - 1)

    @model_validator(mode="after")
    def says_who_is_in_it(self) -> Self:
        if not (self.persona or (self.name and self.description)):
            raise ValueError("say who is in the picture: a persona, or a name and a description")
        return self

    @model_validator(mode="after")
    def says_which_moment(self) -> Self:
        if (self.dialog_id is None) != (self.message_count is None):
            raise ValueError("a moment is a dialog_id and a message_count, or neither")
        return self


class Result(BaseModel):
    prompt: str


@dataclass(frozen=True)
class Moment:
    dialog_id: int
    message_count: int

    @property
    def seed(self) -> int:
        return seed_of_moment(self.dialog_id, self.message_count)


async def run(run: Run[Input], resources: "Resources") -> Outcome:
    given = run.input
    if given.dialog_id is None or given.message_count is None:
        outcome = await _written(given, resources)
        return replace(outcome, messages=[ChatText(_prompt(outcome))])
    moment = Moment(given.dialog_id, given.message_count)
    _require_drawable(given, resources)
    async with run.database.transaction() as connection:
        known = await dialog_pictures.find(connection, moment.dialog_id, moment.message_count)
        said_lately = [] if known else await _dialogue(connection, moment.dialog_id)
    if known:
        # asked again at the same moment: the same words and the same picture, and nobody is paid for them twice
        return Outcome(Result(prompt=known.prompt), children=[_drawing(run, moment, known.prompt)])
    outcome = await _written(given.model_copy(update={"recent_dialogue": said_lately}), resources)
    prompt = _prompt(outcome)
    return replace(outcome, save=partial(_keep, moment, prompt), children=[_drawing(run, moment, prompt)])


def _require_drawable(given: Input, resources: "Resources") -> None:
    """Before anything is spent on its words. Raises Misconfigured, and InvalidInput for a persona that is not here."""
    if not resources.intake.draws:
        raise Misconfigured("Nothing here draws pictures. Set COMFYUI_HOSTS, for example localhost:8188.")
    if given.persona:
        resources.personas.find(given.persona)


async def _written(given: Input, resources: "Resources") -> Outcome:
    name, description = given.name or "", given.description or ""
    if given.persona:
        persona = resources.personas.find(given.persona)
        name, description = persona.name["en"], persona.image_style
    request = Message(role="user", content="Write the prompt for the picture.")
    model = resources.image_prompt_llm
    dialogue = newest_within([*given.recent_dialogue, request], model.context_tokens)
    completion = await model.complete(INSTRUCTION.format(name=name, description=description), dialogue, max_tokens=160)
    prompt = " ".join(completion.text.split()).strip("\"'«»“” ")[:LONGEST_PROMPT]
    if not prompt:
        raise TemporaryError("The language model returned an empty prompt.", code="empty_answer")
    return Outcome(Result(prompt=prompt), completion.usage)


def _prompt(outcome: Outcome) -> str:
    result: Result = outcome.result  # type: ignore[assignment] # this kind makes nothing else
    return result.prompt


async def _dialogue(connection: AsyncConnection, dialog_id: int) -> list[Message]:
    stored = await dialog_history.newest_messages(connection, dialog_id, RECENT_CHARACTERS)
    return [said(each.role, each.content[-LONGEST_MESSAGE:]) for each in stored]


def _drawing(run: Run[Input], moment: Moment, prompt: str) -> NewJob:
    """The picture of this prompt, paid for with the prompt, without which there is nothing to show."""
    job = run.job
    given: Json = {"prompt": prompt, "persona": run.input.persona, "dialog_id": moment.dialog_id, "seed": moment.seed}
    return NewJob(
        "generate_image",
        {name: value for name, value in given.items() if value is not None},
        job.owner,
        dialog_id=moment.dialog_id,
        destination=job.destination,
        priority=job.priority,
        critical=True,
    )


async def _keep(moment: Moment, prompt: str, connection: AsyncConnection) -> list[NewJob]:
    await dialog_pictures.keep(connection, moment.dialog_id, moment.message_count, prompt, moment.seed)
    return []
