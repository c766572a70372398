"""How an answer becomes a valid model instance: checked here, and shown to the language model where it is wrong."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from itertools import islice
from typing import Any, TypeVar

from pydantic import BaseModel, RootModel, ValidationError

from jobs.errors import PostgenError
from jobs.providers.completion import Completion, usage_sum
from jobs.providers.llm_failures import InvalidOutput, TimedOut, Truncated
from jobs.providers.prompt import Prompt, Turn
from jobs.storable import storable

MOST_REPAIRS = 2
LONGER = 2
# how much of a wrong answer, and how many of its mistakes, the model is shown
LONGEST_SHOWN = 8000
MOST_MISTAKES = 8
# where an answer begins with words, this many brackets are tried as the start of the JSON
MOST_BRACKETS = 8
THOUGHTS = re.compile(r"\A\s*<think>.*?</think>", re.DOTALL)

Answer = TypeVar("Answer", bound=BaseModel)
Ask = Callable[[Prompt], Awaitable[Completion]]


class NotValid(Exception):
    """In words that the model can act on."""


async def structured_answer(ask: Ask, prompt: Prompt, schema: type[Answer]) -> tuple[Answer, Completion]:
    """At most three answers are asked for, and one of them again with twice the room if it was cut off."""
    dialogue = _Dialogue(ask, prompt)
    try:
        if prompt.timeout is None:
            return await dialogue.until_valid(schema)
        async with asyncio.timeout(prompt.timeout):
            return await dialogue.until_valid(schema)
    except TimeoutError:
        failure = TimedOut("The language model did not give a valid answer in time.")
        failure.usage = dialogue.spent.usage
        raise failure from None
    except PostgenError as error:
        error.usage = usage_sum(dialogue.spent.usage, error.usage)
        raise


class _Dialogue:
    def __init__(self, ask: Ask, prompt: Prompt) -> None:
        self.ask = ask
        self.first = prompt
        self.spent = Completion("", calls=0)

    async def until_valid(self, schema: type[Answer]) -> tuple[Answer, Completion]:
        prompt = self.first
        mistake = ""
        for _ in range(1 + MOST_REPAIRS):
            completion = await self._whole_answer(prompt)
            try:
                return parsed(completion.text, schema), self.spent
            except NotValid as wrong:
                mistake = str(wrong)
            # only the last try is shown: two wrong answers would not make the third one better
            prompt = replace(self.first, max_tokens=prompt.max_tokens).followed_by(
                Turn("assistant", completion.text[:LONGEST_SHOWN] or "{}"), Turn("user", _complaint(mistake))
            )
        raise InvalidOutput(
            f"The language model's answer was not valid, even after {MOST_REPAIRS} corrections ({mistake[:200]})."
        )

    async def _whole_answer(self, prompt: Prompt) -> Completion:
        completion = await self._answer(prompt)
        if completion.finish == "length":
            completion = await self._answer(replace(prompt, max_tokens=prompt.max_tokens * LONGER))
        if completion.finish == "length":
            words = f"The language model's answer was longer than {prompt.max_tokens * LONGER} tokens and was cut off."
            raise Truncated(words, blame="upstream")
        return completion

    async def _answer(self, prompt: Prompt) -> Completion:
        completion = await self.ask(prompt)
        usage, calls = usage_sum(self.spent.usage, completion.usage), self.spent.calls + completion.calls
        self.spent = replace(completion, usage=usage, calls=calls)
        return completion


def parsed(text: str, schema: type[Answer]) -> Answer:
    """Raises NotValid."""
    try:
        value = _storable(json.loads(_json_in(text, "[{" if issubclass(schema, RootModel) else "{")))
        # as JSON once more: from Python's objects a strict model would take no date and no set
        return schema.model_validate_json(json.dumps(value))
    except ValidationError as error:
        raise NotValid(_mistakes(error)) from None
    except (ValueError, RecursionError) as error:
        raise NotValid(f"it is not JSON: {str(error)[:200]}") from None


def _json_in(text: str, brackets: str) -> str:
    """The JSON in an answer that has thoughts, fences or a sentence around it. `brackets`: what it may begin with."""
    text = THOUGHTS.sub("", text).strip()
    for start in islice(re.finditer(f"[{re.escape(brackets)}]", text), MOST_BRACKETS):
        try:
            return text[start.start() : json.JSONDecoder().raw_decode(text, start.start())[1]]
        except ValueError:
            continue  # a bracket in the sentence before, or the answer is broken
    return text


def _storable(value: Any) -> Any:
    """Escapes in JSON may stand for what PostgreSQL cannot store."""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, list):
        return [_storable(each) for each in value]
    if isinstance(value, dict):
        return {storable(name): _storable(each) for name, each in value.items()}
    return value


def _mistakes(error: ValidationError) -> str:
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    told = [f"{'.'.join(map(str, each['loc'])) or 'the whole'}: {each['msg']}" for each in problems[:MOST_MISTAKES]]
    return "; ".join([*told, *(["and more of that kind"] if len(problems) > MOST_MISTAKES else [])])


def _complaint(mistake: str) -> str:
    return f"That answer is not valid: {mistake}. Give the whole answer again, corrected, as JSON and nothing else."
