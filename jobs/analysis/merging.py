"""From the findings of many parts to one list and one summary, by a language model that is shown no more than fits."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jobs.analysis.answers import SaidOfAll
from jobs.analysis.findings import Found, same_joined
from jobs.analysis.prompting import merge_instruction
from jobs.analysis.room import room_in
from jobs.errors import PostgenError

if TYPE_CHECKING:
    from jobs.providers.chat_model import ChatModel

TEMPERATURE = 0.0
# what may be wrong with an answer that was asked for again: the findings are worth more than a summary of them
NO_ANSWER = frozenset({"llm_invalid_output", "llm_truncated", "llm_context_overflow"})


@dataclass(frozen=True)
class Said:
    role: str
    content: str


@dataclass(frozen=True)
class Merged:
    findings: list[Found]
    summary: str


@dataclass(frozen=True)
class Merging:
    """`window`: tokens that the model holds. `timeout`: seconds for all its answers together."""

    question: str
    language: str
    window: int
    timeout: float

    async def merge(
        self, model: "ChatModel", found: Sequence[Found], notes: Sequence[str]
    ) -> tuple[Merged, dict[str, Any]]:
        """What the model cannot say is left as the parts said it. Raises its other failures."""
        usage: dict[str, Any] = {}
        try:
            async with asyncio.timeout(self.timeout):
                groups, summary = await self._asked(model, found, notes, usage)
        except PostgenError as error:
            if error.code not in NO_ANSWER:
                raise
            _add(usage, error.usage)
            groups, summary = [], "\n".join(notes)
        except TimeoutError:
            groups, summary = [], "\n".join(notes)
        return Merged(same_joined(found, groups), summary.strip() or "\n".join(notes)), usage

    async def _asked(
        self, model: "ChatModel", found: Sequence[Found], notes: Sequence[str], usage: dict[str, Any]
    ) -> tuple[list[list[int]], str]:
        """As many times as it takes to show everything; each time with the summary so far."""
        instruction = merge_instruction(self.question, self.language)
        room = room_in(self.window, instruction + str(SaidOfAll.model_json_schema()), 1, model=model.model)
        groups: list[list[int]] = []
        summary = ""
        for lines in _batches(_lines(found, notes), room.text * 2 // 3):
            so_far = f"The summary so far, of what you were shown before:\n{summary}\n\n" if summary else ""
            answer, completion = await model.structured(
                instruction,
                [Said("user", so_far + "\n".join(lines))],
                SaidOfAll,
                max_tokens=room.answer,
                temperature=TEMPERATURE,
            )
            _add(usage, completion.usage)
            groups += answer.same
            summary = answer.summary
        return groups, summary


def _lines(found: Sequence[Found], notes: Sequence[str]) -> list[str]:
    told = [
        f"{number}. [{each.kind}, {each.severity}, page {each.quotations[0].page}] {each.title}: {each.explanation}"
        for number, each in enumerate(found, start=1)
    ]
    return told + [f"Note: {each}" for each in notes]


def _batches(lines: Sequence[str], room: int) -> list[list[str]]:
    """`room` in bytes; a line that is longer alone is cut."""
    batches: list[list[str]] = [[]]
    used = 0
    for line in lines:
        shown = line.encode()[:room].decode(errors="ignore")
        size = len(shown.encode()) + 1
        if batches[-1] and used + size > room:
            batches.append([])
            used = 0
        batches[-1].append(shown)
        used += size
    return [each for each in batches if each]


def _add(usage: dict[str, Any], more: dict[str, Any]) -> None:
    for name, amount in more.items():
        usage[name] = usage.get(name, 0) + amount
