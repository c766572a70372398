"""A measured figure, how it was measured, and how a table of them reads."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

NAME, VALUE = 48, 44


@dataclass(frozen=True)
class Figure:
    """`how` is the method in a sentence; `met` says whether `target` was, None where there is none."""

    name: str
    value: str
    how: str = ""
    target: str = ""
    met: bool | None = None


def within(name: str, seconds: Sequence[float], limit: float) -> Figure:
    """Latencies whose median has a limit."""
    return Figure(name, spread(seconds), "", f"p50 ≤ {milliseconds(limit)}", median(seconds) <= limit)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` (0 to 1) of all are not above."""
    if not values:
        return math.nan
    ranked = sorted(values)
    return ranked[max(0, math.ceil(share * len(ranked)) - 1)]


def median(values: Sequence[float]) -> float:
    return percentile(values, 0.5)


def spread(seconds: Sequence[float]) -> str:
    """p50 and p99 in milliseconds."""
    return f"p50 {milliseconds(median(seconds))}  p99 {milliseconds(percentile(seconds, 0.99))}"


def milliseconds(seconds: float) -> str:
    value = seconds * 1000
    return f"{value:.2f} ms" if value < 10 else f"{value:.1f} ms" if value < 100 else f"{value:.0f} ms"


def lines(figures: Iterable[Figure]) -> Iterable[str]:
    for figure in figures:
        verdict = "" if figure.met is None else f"   target {figure.target}: {'met' if figure.met else 'MISSED'}"
        yield f"  {figure.name:<{NAME}} {figure.value:<{VALUE}}{verdict}".rstrip()
        if figure.how:
            yield f"      how: {figure.how}"


def verdicts(figures: Sequence[Figure]) -> str:
    judged = [figure for figure in figures if figure.met is not None]
    missed = [f"{figure.name}: {figure.value} (target {figure.target})" for figure in judged if not figure.met]
    words = f"{len(judged) - len(missed)} of {len(judged)} targets met"
    return "\n  missed: ".join([words, *missed])
