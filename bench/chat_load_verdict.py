"""What became of what people wrote: answered once, in order, and how soon? Judged by what stands in their chats."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from bench.chat_load_words import answered_in, written_in
from sandbox.bot_api.chats import Chat
from sandbox.bot_api.messages import PhotoBody, TextBody

Numbered = tuple[int, int]
"""A chat and the number of a message in it."""


@dataclass(frozen=True)
class Answer:
    """`numbers`: the messages that it answers. `has_buttons`: as the newest one should."""

    numbers: tuple[int, ...]
    at: float
    has_buttons: bool = False


@dataclass(frozen=True)
class Talk:
    """One chat as its person sees it. `written`: when each message was there; `others`: what else the bot said."""

    chat_id: int
    written: dict[int, float]
    answers: list[Answer]
    greetings: int = 1
    others: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Verdict:
    """`in_doubt`: not arrived, and recorded as a delivery of which nobody knows; it is not said again by itself."""

    messages: int
    answers: int
    together: int
    lost: list[Numbered]
    doubled: list[Numbered]
    out_of_order: list[int]
    in_doubt: list[Numbered]
    greeted_not_once: list[int]
    stale_buttons: list[int]
    others: list[str]
    waits: list[float]
    seconds: float


def talk_of(chat: Chat) -> Talk:
    talk = Talk(chat.chat_id, {}, [], sum(_is_greeting(each.body) for each in chat.messages.values() if each.from_bot))
    for each in chat.messages.values():
        if not isinstance(each.body, TextBody):
            continue
        words = each.body.text.text
        number = written_in(words)
        if not each.from_bot and number is not None:
            talk.written[number] = each.received_at
        elif each.from_bot and (numbers := answered_in(words)):
            talk.answers.append(Answer(numbers, each.received_at, each.inline_markup is not None))
        elif each.from_bot:
            talk.others.append(words)
    return talk


def judged(talks: Sequence[Talk], unknown: Collection[Numbered] = ()) -> Verdict:
    """`unknown`: what is answered in deliveries that may or may not have arrived."""
    missing = [each for talk in talks for each in _missing(talk)]
    whens = [when for talk in talks for when in (*talk.written.values(), *(answer.at for answer in talk.answers))]
    answers = [answer for talk in talks for answer in talk.answers]
    return Verdict(
        messages=sum(len(talk.written) for talk in talks),
        answers=len(answers),
        together=sum(len(answer.numbers) > 1 for answer in answers),
        lost=[each for each in missing if each not in unknown],
        doubled=[each for talk in talks for each in _doubled(talk)],
        out_of_order=[talk.chat_id for talk in talks if not _in_order(talk)],
        in_doubt=[each for each in missing if each in unknown],
        greeted_not_once=[talk.chat_id for talk in talks if talk.greetings != 1],
        stale_buttons=[talk.chat_id for talk in talks if any(answer.has_buttons for answer in talk.answers[:-1])],
        others=[words for talk in talks for words in talk.others],
        waits=[wait for talk in talks for wait in _waits(talk)],
        seconds=max(whens, default=0.0) - min(whens, default=0.0),
    )


def _is_greeting(body: object) -> bool:
    return isinstance(body, PhotoBody)


def _missing(talk: Talk) -> Iterable[Numbered]:
    answered = {number for answer in talk.answers for number in answer.numbers}
    return ((talk.chat_id, number) for number in talk.written if number not in answered)


def _doubled(talk: Talk) -> Iterable[Numbered]:
    times = Counter(number for answer in talk.answers for number in answer.numbers)
    return ((talk.chat_id, number) for number, count in times.items() if count > 1)


def _in_order(talk: Talk) -> bool:
    """Each answer behind what it answers, and answers in the order of the messages."""
    numbers = [number for answer in talk.answers for number in answer.numbers]
    return numbers == sorted(numbers) and all(wait >= 0 for wait in _waits(talk))


def _waits(talk: Talk) -> Iterable[float]:
    """From each message to its first answer; what nobody wrote but was answered counts as answered too early."""
    first: dict[int, float] = {}
    for answer in talk.answers:
        for number in answer.numbers:
            first.setdefault(number, answer.at)
    return (at - talk.written.get(number, at + 1) for number, at in first.items())
