"""What a language model writes for a world: in the language of the request, and as many as were asked for."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from pydantic import BaseModel

from jobs.errors import PostgenError, TemporaryError
from jobs.worlds.forms import Outlines, as_many
from jobs.worlds.prompting import Asked

if TYPE_CHECKING:
    from jobs.providers.chat_model import ChatModel

Form = TypeVar("Form", bound=BaseModel)

TEMPERATURE = 0.8
# asked for together; more at once, and a model repeats itself or is cut off
MOST_AT_ONCE = 10
TOKENS_EACH = 250
TOKENS_AROUND = 300
# answers in a row that bring nothing, until it is given up
MOST_BARREN = 2
REMINDER = "Mind the language: your last answer was not written in the language and the letters of these words: {said}"


@dataclass(frozen=True)
class Said:
    role: Literal["user", "assistant"]
    content: str


@dataclass
class Writing:
    """For one run: `usage` is what all its answers took. `sample`: words in the language that is kept."""

    model: "ChatModel"
    sample: str
    usage: Counter[str] = field(default_factory=Counter)

    async def one(self, asked: Asked, form: type[Form], *, max_tokens: int, kept: Callable[[Form], bool]) -> Form:
        """`kept`: whether the answer is in the language that it should be in. Asked once more where it is not."""
        reminder = REMINDER.format(said=self.sample[:500])
        for attempt in (asked, replace(asked, system=f"{asked.system}\n\n{reminder}")):
            answer = await self._answer(attempt, form, max_tokens)
            if kept(answer):
                return answer
        raise self._spent(TemporaryError("The language model writes in another language.", code="wrong_language"))

    async def many(
        self,
        count: int,
        outline: type[Form],
        ask: Callable[[int, Sequence[Form]], Asked],
        *,
        same: Callable[[Form], str],
        kept: Callable[[str], bool],
    ) -> list[Form]:
        """Exactly so many. `ask`: for that many more, after those that are there. `same`: what no two share.
        `kept`: of all their concepts together, as in `one`.

        Where a model only repeats itself, what it repeats is taken all the same.
        """
        found: dict[str, Form] = {}
        repeated: list[Form] = []
        barren = 0
        while len(found) < count and barren < MOST_BARREN:
            wanted = min(count - len(found), MOST_AT_ONCE)
            tokens = TOKENS_AROUND + wanted * TOKENS_EACH
            asked = ask(wanted, list(found.values()))
            answer = await self.one(
                asked, as_many(outline, wanted), max_tokens=tokens, kept=lambda each: kept(_all_words(each))
            )
            new = {same(each): each for each in reversed(answer.items) if same(each) not in found}
            repeated += [each for each in answer.items if new.get(same(each)) is not each]
            barren = 0 if new else barren + 1
            found |= dict(list(reversed(new.items()))[:wanted])
        whole = [*found.values(), *repeated][:count]
        if len(whole) < count:
            words = f"The language model gave {len(whole)} of {count} that were asked for."
            raise self._spent(TemporaryError(words, code="too_few"))
        return whole

    async def _answer(self, asked: Asked, form: type[Form], max_tokens: int) -> Form:
        try:
            answer, completion = await self.model.structured(
                asked.system, [Said("user", asked.request)], form, max_tokens=max_tokens, temperature=TEMPERATURE
            )
        except PostgenError as error:
            self._spent(error)
            raise
        self.usage.update(completion.usage)
        return answer

    def _spent(self, error: PostgenError) -> PostgenError:
        """The error, with what the answers before it took."""
        self.usage.update(error.usage)
        error.usage = dict(self.usage)
        return error


def _all_words(outlines: Outlines) -> str:
    concepts: list[Any] = outlines.items
    return " ".join(str(getattr(each, "concept", "")) for each in concepts)
