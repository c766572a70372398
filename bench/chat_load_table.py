"""The load's table: a line for each figure, a column for each round; and what of it may not be."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.chat_load_round import MODEL_SECONDS, Came
from bench.chat_load_workers import LLM_SLOTS
from bench.figures import percentile

NAME, COLUMN = 44, 17
MOST_SHOWN = 5
# by a worker: only what it was sending when it was killed may be unknown
SENT_AT_A_TIME = 10


@dataclass(frozen=True)
class Line:
    """`wrong` tells whether a round may not have what it shows; None where any figure is fine."""

    name: str
    shown: Callable[[Came], str]
    wrong: Callable[[Came], bool] | None = None


def _count(name: str, count: Callable[[Came], int], *, unless: Callable[[Came], bool] = lambda came: False) -> Line:
    """What should be none, `unless` the round is of those in which it may happen."""
    return Line(name, lambda came: str(count(came)), lambda came: count(came) > 0 and not unless(came))


def _had_faults(came: Came) -> bool:
    return came.round.faults


def _explained_by_kills(came: Came) -> bool:
    return came.books.unknown_deliveries <= came.killed * SENT_AT_A_TIME


def _seconds(value: float) -> str:
    return f"{value:.2f} s"


LINES = (
    Line("people", lambda came: str(came.round.people)),
    Line(
        "messages",
        lambda came: str(came.verdict.messages),
        lambda came: came.verdict.messages < came.messages_wanted,
    ),
    Line("answers", lambda came: str(came.verdict.answers)),
    Line("  of them to more than one message", lambda came: str(came.verdict.together)),
    _count("messages without an answer", lambda came: len(came.verdict.lost)),
    _count("messages answered twice", lambda came: len(came.verdict.doubled)),
    _count("chats out of order", lambda came: len(came.verdict.out_of_order)),
    _count("people not greeted once", lambda came: len(came.verdict.greeted_not_once)),
    _count("anything else that the bot said", lambda came: len(came.verdict.others)),
    _count("chats with buttons below an old answer", lambda came: len(came.verdict.stale_buttons), unless=_had_faults),
    _count("deliveries recorded as unknown", lambda came: came.books.unknown_deliveries, unless=_explained_by_kills),
    Line("  messages whose answer did not arrive so", lambda came: str(len(came.verdict.in_doubt))),
    _count("deliveries that failed", lambda came: came.books.failed_deliveries),
    _count("left undone", lambda came: came.books.unfinished),
    _count("jobs that did not complete", lambda came: came.books.not_completed),
    Line("replies run more than once", lambda came: str(came.books.run_again)),
    Line(
        "replies by the database's account",
        lambda came: str(came.books.replies),
        lambda came: not 0 <= came.books.replies - came.verdict.answers <= came.books.unknown_deliveries,
    ),
    _count("accounts that drifted", lambda came: came.books.drifted),
    _count("replies not paid exactly once", lambda came: came.books.wrongly_charged),
    _count("payments for no reply", lambda came: came.books.unpaid_for),
    Line("refused by Telegram's flood control", lambda came: str(came.refusals)),
    Line("workers killed", lambda came: str(came.killed), lambda came: came.round.faults and not came.killed),
    Line(
        "restarts of the database",
        lambda came: str(came.restarts),
        lambda came: came.round.faults and not came.restarts,
    ),
    Line("message to answer, p50", lambda came: _seconds(percentile(came.verdict.waits, 0.5))),
    Line("message to answer, p99", lambda came: _seconds(percentile(came.verdict.waits, 0.99))),
    Line("message to answer, longest", lambda came: _seconds(max(came.verdict.waits, default=0.0))),
    Line("first message to last answer", lambda came: _seconds(came.verdict.seconds)),
    Line("answers a second", lambda came: f"{came.verdict.answers / max(came.verdict.seconds, 0.001):.1f}"),
)


def table(rounds: Sequence[Came]) -> str:
    heads = f"  {'':<{NAME}}" + "".join(f"{came.round.name:>{COLUMN}}" for came in rounds)
    rows = [f"  {line.name:<{NAME}}" + "".join(f"{_cell(line, came):>{COLUMN}}" for came in rounds) for line in LINES]
    most = LLM_SLOTS / MODEL_SECONDS
    allowed = f"  The model's {LLM_SLOTS} slots of {MODEL_SECONDS:g} s allow {most:.0f} answers a second."
    return "\n".join([heads, *rows, allowed, *map(_spent, filter(lambda came: came.spent, rounds))])


def _spent(came: Came) -> str:
    answers = max(1, came.verdict.answers)
    shares = ", ".join(f"{name} {seconds / answers * 1000:.1f} ms" for name, seconds in came.spent.items())
    return f"  {came.round.name}, processor time for an answer: {shares}."


def complaints(came: Came) -> list[str]:
    """Empty for a round as it should be."""
    wrong = [f"{came.round.name}: {line.name}: {line.shown(came)}" for line in LINES if line.wrong and line.wrong(came)]
    if not wrong:
        return []
    verdict = came.verdict
    shown: dict[str, Sequence[object]] = {
        "without an answer (chat, number)": verdict.lost,
        "answered twice (chat, number)": verdict.doubled,
        "out of order": verdict.out_of_order,
        "not greeted once": verdict.greeted_not_once,
        "said": verdict.others,
    }
    details = [f"  {name}: {found[:MOST_SHOWN]}" for name, found in shown.items() if found]
    return [*wrong, *details, *(f"  {line}" for line in came.left)]


def _cell(line: Line, came: Came) -> str:
    return f"{line.shown(came)}{' !' if line.wrong and line.wrong(came) else ''}"
