"""What does the scripted LLM say? A fixed list, an echo, or what a function makes of the request."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True)
class Usage:
    prompt_tokens: int
    completion_tokens: int


@dataclass(frozen=True)
class Answer:
    """`usage` None counts words. `headers` are sent along."""

    text: str
    finish_reason: Literal["stop", "length", "content_filter"] = "stop"
    usage: Usage | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


class ScriptEnded(Exception):
    """More requests came than the script has answers for."""


AnswerFunction = Callable[[dict[str, Any]], str | Answer]
Answers = AnswerFunction | Iterable[str | Answer]


def echo(body: dict[str, Any]) -> str:
    """The last thing that the user said, word for word."""
    said = [message["content"] for message in body["messages"] if message["role"] == "user"]
    return _text(said[-1]) if said else ""


def as_function(answers: Answers) -> AnswerFunction:
    """A list is used up in order; the request after its last answer raises ScriptEnded."""
    if callable(answers):
        return answers
    remaining = iter(list(answers))

    def next_answer(body: dict[str, Any]) -> str | Answer:
        for answer in remaining:
            return answer
        raise ScriptEnded(f"The script has no answer left for {echo(body)!r}.")

    return next_answer


def counted(answer: Answer, body: dict[str, Any]) -> Usage:
    """The usage that the answer states, or one that counts words."""
    if answer.usage:
        return answer.usage
    prompt = " ".join(_text(message.get("content")) for message in body["messages"])
    return Usage(prompt_tokens=len(prompt.split()), completion_tokens=len(answer.text.split()))


def _text(content: Any) -> str:
    """A message's content is a string, or a list of typed parts."""
    if isinstance(content, list):
        return " ".join(part.get("text", "") for part in content)
    return content or ""
