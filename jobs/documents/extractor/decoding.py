"""Which encoding is this text in?"""

import re
from collections.abc import Iterator

from jobs.documents.extractor.guessing import guess
from jobs.documents.extractor.unicode_marks import marked, wide

DECLARED = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([A-Za-z0-9_-]{2,40})""", re.IGNORECASE)
DECLARED_WITHIN = 4096
# enough of it to tell; the guess is slow
SAMPLE = 64 * 1024


def decoded(data: bytes) -> str:
    """Whatever is broken in it is replaced: a letter that is lost must not cost the document."""
    for encoding in candidates(data):
        try:
            return data.decode(encoding)
        except (UnicodeDecodeError, LookupError):
            continue
    return data.decode(guess(data[:SAMPLE]), errors="replace")


def candidates(data: bytes) -> Iterator[str]:
    """What it says of itself, and what it cannot be by chance."""
    if found := marked(data) or wide(data[:SAMPLE]):
        yield found
        return
    yield "utf-8"
    if declared := DECLARED.search(data[:DECLARED_WITHIN]):
        yield declared[1].decode("ascii")
