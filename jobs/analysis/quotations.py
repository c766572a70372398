"""Does a quotation stand in the documents, and on which page? What does not is none.

Typography may differ, and a page's head or foot may stand in between; words and figures may not.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from jobs.analysis.paged_text import PagedText
from jobs.analysis.typography import bare

# shorter, it would stand anywhere
SHORTEST = 4
ENDS = ".,;:-"
SHORTEST_PIECE = 10
# the head and foot between two pages
LONGEST_GAP = 250
ELLIPSIS = re.compile(r"\s*(?:\[\s*(?:\.{3}|…)\s*\]|\(\s*(?:\.{3}|…)\s*\)|\.{3,}|…)\s*")


@dataclass(frozen=True)
class Quoted:
    """In the words of the document."""

    document_id: UUID
    page: int
    text: str

    def as_json(self) -> dict[str, object]:
        return {"document_id": str(self.document_id), "page": self.page, "text": self.text}


@dataclass(frozen=True)
class Shown:
    """What a model was shown of a document. `number`: as it was told, from 1."""

    number: int
    document_id: UUID
    text: PagedText
    start: int
    end: int


@dataclass(frozen=True)
class _Place:
    """A span of bare text."""

    start: int
    end: int


class _Source:
    def __init__(self, shown: Shown) -> None:
        self.shown = shown
        self.letters, self.places = bare(shown.text.text[shown.start : shown.end])

    def page_of(self, place: _Place) -> int:
        return self.shown.text.page_at(self.shown.start + self.places[place.start])

    def quoted(self, found: Sequence[_Place]) -> Quoted:
        text = self.shown.text.text
        words = [
            text[self.shown.start + self.places[each.start] : self.shown.start + self.places[each.end - 1] + 1]
            for each in found
        ]
        plain = " … ".join(" ".join(each.split()) for each in words)
        return Quoted(self.shown.document_id, self.page_of(found[0]), plain)

    def every(self, piece: str, start: int = 0, end: int | None = None) -> Iterator[_Place]:
        """Where it stands as whole words."""
        place = self.letters.find(piece, start, end)
        while place >= 0:
            if not (self._cuts_word(place) or self._cuts_word(place + len(piece))):
                yield _Place(place, place + len(piece))
            place = self.letters.find(piece, place + 1, end)

    def _cuts_word(self, border: int) -> bool:
        if not 0 < border < len(self.letters):
            return False
        before, after = self.letters[border - 1], self.letters[border]
        touching = self.places[border] - self.places[border - 1] <= 1
        return touching and before.isalnum() and after.isalnum()


class Quotations:
    """Checks what a model quotes against what it was shown."""

    def __init__(self, shown: Sequence[Shown]) -> None:
        self.sources = [_Source(each) for each in shown]

    def find(self, text: str, *, document: int, page: int) -> Quoted | None:
        """`document` and `page` as the model says: where it stands more than once, it is taken at its word."""
        pieces = [letters for each in ELLIPSIS.split(text) if (letters := bare(each)[0])]
        # where a sentence goes on, a model likes to end it
        ended = [letters for each in pieces if (letters := each.strip(ENDS))]
        if sum(map(len, ended)) < SHORTEST:
            return None
        return self._find(pieces, document, page) or self._find(ended, document, page)

    def _find(self, pieces: Sequence[str], document: int, page: int) -> Quoted | None:
        by_nearness = sorted(self.sources, key=lambda source: source.shown.number != document)
        for number in dict.fromkeys(source.shown.number for source in by_nearness):
            of_document = [source for source in by_nearness if source.shown.number == number]
            candidates = [(source, found) for source in of_document for found in _whole(source, pieces)]
            candidates = candidates or [(source, found) for source in of_document for found in _broken(source, pieces)]
            if candidates:
                source, found = min(candidates, key=lambda each: abs(each[0].page_of(each[1][0]) - page))
                return source.quoted(found)
        return None


def _whole(source: _Source, pieces: Sequence[str]) -> Iterator[list[_Place]]:
    """The pieces one after the other, near each other."""
    if len(pieces) > 1 and min(map(len, pieces)) < SHORTEST_PIECE:
        return
    for first in source.every(pieces[0]):
        found = [first]
        for piece in pieces[1:]:
            following = next(source.every(piece, found[-1].end), None)
            if following is None:
                break
            found.append(following)
        if len(found) == len(pieces):
            yield found


def _broken(source: _Source, pieces: Sequence[str]) -> Iterator[list[_Place]]:
    """One quotation over two pages, with what stands at their edges in between."""
    if len(pieces) != 1 or len(pieces[0]) < 2 * SHORTEST_PIECE:
        return
    whole = pieces[0]
    for border in source.shown.text.starts:
        if not source.shown.start < border < source.shown.end:
            continue
        split = _first_behind(source.places, border - source.shown.start)
        yield from _around(source, whole, split)


def _around(source: _Source, whole: str, split: int) -> Iterator[list[_Place]]:
    before = source.letters[max(0, split - LONGEST_GAP - len(whole)) : split]
    offset = split - len(before)
    for cut in range(SHORTEST_PIECE, len(whole) - SHORTEST_PIECE + 1):
        start = before.rfind(whole[:cut])
        if start < 0:
            return
        if split - (offset + start + cut) > LONGEST_GAP:
            continue
        rest = next(source.every(whole[cut:], split, split + LONGEST_GAP + len(whole)), None)
        if rest:
            yield [_Place(offset + start, offset + start + cut), rest]
            return


def _first_behind(places: Sequence[int], border: int) -> int:
    low, high = 0, len(places)
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if places[middle] < border else (low, middle)
    return low
