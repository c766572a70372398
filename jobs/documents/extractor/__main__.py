"""`python -m jobs.documents.extractor FORMAT FILE MEGABYTES SECONDS`: the document's pages as frames on stdout."""

import ctypes
import math
import os
import resource
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from jobs.documents.extractor import frames
from jobs.documents.extractor.limits import MOST_CHARACTERS, MOST_PAGES, PAGE_CHARACTERS
from jobs.documents.extractor.refused import Refused

OPEN_FILES = 64
PR_SET_PDEATHSIG = 1


def main() -> int:
    format_, file, megabytes, seconds = sys.argv[1:5]
    restrict(int(megabytes), int(seconds))
    # whatever a parser prints must not come between the frames
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    try:
        read(format_, Path(file), out)
    except Refused as refused:
        frames.write(out, {"refused": refused.code, "values": refused.values})
    except MemoryError:
        frames.write(out, {"refused": "document_too_heavy", "values": {"megabytes": int(megabytes)}})
    except RecursionError:
        frames.write(out, {"refused": "document_broken", "values": {}})
    else:
        frames.write(out, {"end": True})
    # without the farewells of native libraries, which may crash after such a file
    os._exit(0)


def restrict(megabytes: int, seconds: int) -> None:
    """Before anything of the file is read. It may open files to read them, and write nothing but its answer."""
    # with the worker that asked for it it goes as well
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    for what, most in (
        (resource.RLIMIT_AS, megabytes * 1024 * 1024),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_NPROC, 0),
    ):
        resource.setrlimit(what, (most, most))


def read(format_: str, file: Path, out: BinaryIO) -> None:
    total, pages = opened(format_, file)
    frames.write(out, {"total": total})
    written = characters = 0
    for page in pages:
        written, characters = written + 1, characters + len(page)
        if written > MOST_PAGES:
            raise Refused("document_too_many_pages", pages=max(total, written))
        if characters > MOST_CHARACTERS:
            raise Refused("document_too_long", characters=characters)
        frames.write(out, {"page": page})
    if not written:
        raise Refused("document_empty")


def opened(format_: str, file: Path) -> tuple[int, Iterator[str]]:
    """How many pages there will be, as far as that is known, and the pages. Loads only what the format needs."""
    if format_ == "pdf":
        from jobs.documents.extractor.pdf_pages import Pdf

        pdf = Pdf(file)
        return pdf.total, iter(pdf)
    from jobs.documents.extractor.paging import paged

    paragraphs, top = _paragraphs(format_, file)
    characters = sum(map(len, paragraphs))
    if characters > MOST_CHARACTERS:
        raise Refused("document_too_long", characters=characters)
    between = "\n" if format_ == "csv" else "\n\n"
    return math.ceil(characters / PAGE_CHARACTERS), paged(paragraphs, between=between, top=top)


def _paragraphs(format_: str, file: Path) -> tuple[list[str], str]:
    """And what begins every page."""
    if format_ == "docx":
        from jobs.documents.extractor import docx_text

        return list(docx_text.paragraphs(file)), ""
    from jobs.documents.extractor import csv_lines, html_text, plain_text
    from jobs.documents.extractor.decoding import decoded

    text = decoded(file.read_bytes())
    if format_ == "csv":
        lines = list(csv_lines.lines(text))
        return lines, lines[0] if lines else ""
    return (html_text.paragraphs(text) if format_ == "html" else plain_text.paragraphs(text)), ""


if __name__ == "__main__":
    sys.exit(main())
