"""Documents in parts that a language model can hold: what belongs together is together, and nothing is in two parts."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from jobs.analysis.alignment import align
from jobs.analysis.structure import LEVELS, Span, pieces, slices

# around an excerpt, and at each of its pages, stands what it is
BYTES_AROUND = 160


@dataclass(frozen=True)
class Excerpt:
    """`document`: its number in the comparison, from 0."""

    document: int
    start: int
    end: int


Part = list[Excerpt]
# for each document the spans of it
Spans = list[list[Span]]


def split(texts: Sequence[str], room: int) -> list[Part]:
    """`room`: bytes of text that a part may have. Whatever has words is in exactly one part."""
    whole: Spans = [[(0, len(text))] if text.strip() else [] for text in texts]
    return [_excerpts(part) for part in _Splitting(texts, room).parts(whole, 0)]


class _Splitting:
    def __init__(self, texts: Sequence[str], room: int) -> None:
        self.texts = texts
        self.room = room

    def parts(self, spans: Spans, level: int) -> list[Spans]:
        if self._bytes(spans) <= self.room:
            return [spans] if any(spans) else []
        found: list[Spans] = []
        current: Spans = [[] for _ in self.texts]
        for group in self._groups(spans, level):
            both: Spans = [[*one, *other] for one, other in zip(current, group, strict=True)]
            if self._bytes(both) <= self.room:
                current = both
                continue
            found += [current] if any(current) else []
            if self._bytes(group) <= self.room:
                current = group
            else:
                found += self.parts(group, level + 1)
                current = [[] for _ in self.texts]
        return found + ([current] if any(current) else [])

    def _groups(self, spans: Spans, level: int) -> list[Spans]:
        sides: Spans = [
            [piece for span in side for piece in self._cut(number, span, level, spans)]
            for number, side in enumerate(spans)
        ]
        if level >= len(LEVELS):
            most = max(map(len, sides))
            return [[side[number : number + 1] for side in sides] for number in range(most)]
        texts = [[self.texts[number][start:end] for start, end in side] for number, side in enumerate(sides)]
        return [
            [[sides[number][piece] for piece in chosen] for number, chosen in enumerate(group)]
            for group in align(texts)
        ]

    def _cut(self, number: int, span: Span, level: int, spans: Spans) -> list[Span]:
        if level < len(LEVELS):
            return pieces(self.texts[number], span, level)
        # nothing is left to cut at: as many pieces as it takes, and each time more
        count = max(2, ceil(1.2 * self._bytes(spans) / max(1, self.room)))
        return slices(self.texts[number], span, count)

    def _bytes(self, spans: Spans) -> int:
        return sum(
            len(self.texts[number][start:end].encode("utf-8", "replace")) + BYTES_AROUND
            for number, side in enumerate(spans)
            for start, end in _joined(side)
        )


def _joined(spans: Sequence[Span]) -> list[Span]:
    """In their order in the text, and what follows directly made one."""
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and joined[-1][1] == start:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined


def _excerpts(spans: Spans) -> Part:
    return [Excerpt(number, start, end) for number, side in enumerate(spans) for start, end in _joined(side)]
