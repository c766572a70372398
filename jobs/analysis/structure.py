"""Where may a text be cut? At its headings first, then at numbered clauses, paragraphs, lines and sentences."""

import re
from itertools import pairwise
from math import ceil

Span = tuple[int, int]

NAMED = (
    "article|section|chapter|part|clause|annex|schedule|appendix|exhibit"
    "|статья|раздел|глава|часть|приложение|пункт|подраздел"
)
HEADINGS = re.compile(
    rf"^[ \t]*(?:#{{1,4}}[ \t]+\S|(?:{NAMED})\b[ \t]*(?:№[ \t]*)?[0-9IVXLC]+\b|§[ \t]*[0-9]"
    r"|[0-9]{1,3}\.?[ \t]+[^\W\d_])",
    re.IGNORECASE | re.MULTILINE,
)
CLAUSES = re.compile(
    r"^[ \t]*(?:[0-9]{1,3}(?:\.[0-9]{1,3})+\.?|\(?[a-zа-я0-9]{1,3}\)|[0-9]{1,3}\.)[ \t]+\S",
    re.IGNORECASE | re.MULTILINE,
)
PARAGRAPHS = re.compile(r"(?<=\n)[ \t]*\n+(?=[ \t]*\S)")
LINES = re.compile(r"(?<=\n)(?=[ \t]*\S)")
SENTENCES = re.compile(r"(?<=[.!?;。！？])\s+")
LEVELS = (HEADINGS, CLAUSES, PARAGRAPHS, LINES, SENTENCES)


def pieces(text: str, span: Span, level: int) -> list[Span]:
    """The span cut at the places of this level: they join to the whole of it."""
    start, end = span
    places = [found.start() for found in LEVELS[level].finditer(text, start, end)]
    borders = sorted({start, *(place for place in places if start < place < end), end})
    return _with_words(text, list(pairwise(borders)))


def slices(text: str, span: Span, count: int) -> list[Span]:
    """As many of about one length, cut between words where there are any."""
    start, end = span
    step = max(1, ceil((end - start) / count))
    borders = [start]
    while borders[-1] + step < end:
        wanted = borders[-1] + step
        blank = max(text.rfind(" ", borders[-1] + step // 2, wanted), text.rfind("\n", borders[-1] + step // 2, wanted))
        borders.append(blank + 1 if blank > 0 else wanted)
    return _with_words(text, list(zip(borders, [*borders[1:], end], strict=True)))


def _with_words(text: str, spans: list[Span]) -> list[Span]:
    return [(start, end) for start, end in spans if not text[start:end].isspace()]
