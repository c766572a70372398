"""Pages for what has none: about 3,000 characters each, cut between paragraphs."""

from collections.abc import Iterable, Iterator

from jobs.documents.extractor.limits import PAGE_CHARACTERS

# where a paragraph that is longer than a page is cut, the best place first
CUTS = ("\n", ". ", "。", "; ", ", ", " ")
BETWEEN = "\n\n"


def paged(paragraphs: Iterable[str], *, between: str = BETWEEN, top: str = "") -> Iterator[str]:
    """`top` begins every page but the first, where it is the first paragraph anyway."""
    page: list[str] = []
    length = 0
    for paragraph in paragraphs:
        for piece in pieces(paragraph):
            if page and length + len(piece) > PAGE_CHARACTERS:
                yield between.join(page)
                page, length = ([top], len(top)) if top else ([], 0)
            page.append(piece)
            length += len(piece) + len(between)
    if page:
        yield between.join(page)


def pieces(paragraph: str) -> Iterator[str]:
    """The paragraph itself, or what a page can hold of it, piece by piece."""
    while len(paragraph) > PAGE_CHARACTERS:
        at = _cut(paragraph[:PAGE_CHARACTERS])
        yield paragraph[:at].rstrip()
        paragraph = paragraph[at:].lstrip()
    if paragraph:
        yield paragraph


def _cut(text: str) -> int:
    for mark in CUTS:
        at = text.rfind(mark, len(text) // 2)
        if at > 0:
            return at + len(mark)
    return len(text)
