"""The text of a PDF, page by page."""

import re
from collections.abc import Iterator
from pathlib import Path

from pypdfium2 import PdfDocument, PdfiumError, raw  # type: ignore[import-untyped] # it has no types of its own

from jobs.documents.extractor.limits import MOST_PAGES
from jobs.documents.extractor.refused import Refused

LOCKED = (raw.FPDF_ERR_PASSWORD, raw.FPDF_ERR_SECURITY)
# how pdfium marks a hyphen at the end of a line, where the word goes on in the next one
BROKEN_WORD = re.compile("[\ufffe\x02\xad][\r\n]*")
LOOKED_AT_FOR_PICTURES = 20


class Pdf:
    """Open it, ask for `total`, and iterate over it."""

    def __init__(self, path: Path) -> None:
        self.document = _opened(path)
        self.total = len(self.document)
        if self.total > MOST_PAGES:
            raise Refused("document_too_many_pages", pages=self.total)

    def __iter__(self) -> Iterator[str]:
        some = False
        for number in range(self.total):
            text = self._text(number)
            some = some or bool(text.strip())
            yield text
        if not some:
            raise Refused("document_scanned" if self._shows_something() else "document_empty")

    def _text(self, number: int) -> str:
        try:
            page = self.document[number]
        except PdfiumError:
            raise Refused("document_broken", page=number + 1) from None
        try:
            return _cleaned(page.get_textpage().get_text_bounded())
        finally:
            page.close()

    def _shows_something(self) -> bool:
        numbers = range(min(self.total, LOOKED_AT_FOR_PICTURES))
        return any(next(iter(self.document[number].get_objects(max_depth=2)), None) is not None for number in numbers)


def _opened(path: Path) -> PdfDocument:
    try:
        # by its bytes: the file that it comes in has no name by which the library could open it
        return PdfDocument(path.read_bytes())
    except PdfiumError as error:
        raise Refused("document_encrypted" if error.err_code in LOCKED else "document_broken") from None


def _cleaned(text: str) -> str:
    whole = BROKEN_WORD.sub("", text).replace("\r\n", "\n").replace("\r", "\n")
    return "\n".join(line.rstrip() for line in whole.split("\n")).strip("\n")
