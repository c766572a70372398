"""What kinds that read a conversation share: its messages, and how much of it a model is shown."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints

LONGEST_MESSAGE = 32_000
# a safe guess for Russian and English without loading a tokenizer: real tokens are longer
CHARACTERS_PER_TOKEN = 2.5

MessageText = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_MESSAGE)]


class KindInput(BaseModel):
    """Unknown fields are a mistake of the caller, not something to drop silently."""

    # strict: "512" is no width, and true is no seed
    model_config = ConfigDict(extra="forbid", strict=True)


class Message(KindInput):
    role: Literal["user", "assistant"]
    content: MessageText


def said(role: str, content: str) -> Message:
    """As the database keeps it."""
    return Message.model_validate({"role": role, "content": content})


def newest_within(messages: list[Message], tokens: int) -> list[Message]:
    """The newest messages that fit into `tokens`; the last one always, cut at its front if it alone is too long."""
    room = int(tokens * CHARACTERS_PER_TOKEN)
    kept: list[Message] = []
    for message in reversed(messages):
        if kept and len(message.content) > room:
            break
        content = message.content[-room:]
        kept.append(message.model_copy(update={"content": content}))
        room -= len(content)
        if room <= 0:
            break
    return kept[::-1]
