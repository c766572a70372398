"""A document as one text, in which every place knows its page."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol


class PageOfText(Protocol):
    @property
    def page(self) -> int: ...
    @property
    def text(self) -> str: ...


@dataclass(frozen=True)
class PagedText:
    """`starts`: where each page begins, `pages`: its number."""

    text: str
    starts: tuple[int, ...]
    pages: tuple[int, ...]

    def page_at(self, place: int) -> int:
        return self.pages[max(0, bisect_right(self.starts, place) - 1)]

    def start_of(self, page: int) -> int:
        return self.starts[self.pages.index(page)]

    def by_page(self, start: int, end: int) -> list[tuple[int, str]]:
        """What stands between the two places, page by page."""
        inside = [place for place in self.starts if start < place < end]
        borders = [start, *inside, end]
        return [(self.page_at(a), self.text[a:b]) for a, b in pairwise(borders)]


def joined(pages: Sequence[PageOfText]) -> PagedText:
    starts, length = [], 0
    for each in pages:
        starts.append(length)
        length += len(each.text) + 1
    return PagedText("\n".join(each.text for each in pages), tuple(starts), tuple(each.page for each in pages))
