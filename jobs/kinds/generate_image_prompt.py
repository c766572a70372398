"""A prompt for a picture, written by a language model from a persona and the recent dialogue."""

from typing import TYPE_CHECKING, Self

from pydantic import BaseModel, Field, model_validator

from jobs.companion.outbox import ChatText
from jobs.errors import TemporaryError
from jobs.kinds.contract import Outcome, Run
from jobs.kinds.dialogue import KindInput, Message, newest_within

if TYPE_CHECKING:
    from jobs.resources import Resources

QUEUE = "llm"
CHAT_ACTION = "typing"
ATTEMPTS = 4

LONGEST_PROMPT = 1000
INSTRUCTION = (
    "You write prompts for an image generator. Describe in one English paragraph of at most 60 words the picture that "
    "{name} would send now: who is in it, the place, the light, the mood. No names, no quotation marks, no comments.\n"
    "{name}: {description}"
)


class Input(KindInput):
    persona: str | None = None
    name: str | None = Field(default=None, min_length=1, max_length=200)
    description: str | None = Field(default=None, min_length=1, max_length=8000)
    recent_dialogue: list[Message] = Field(default=[], max_length=1000)

    @model_validator(mode="after")
    def says_who_is_in_it(self) -> Self:
        if not (self.persona or (self.name and self.description)):
            raise ValueError("say who is in the picture: a persona, or a name and a description")
        return self


class Result(BaseModel):
    prompt: str


async def run(run: Run[Input], resources: "Resources") -> Outcome:
    given = run.input
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
    return Outcome(Result(prompt=prompt), completion.usage, [ChatText(prompt)])
