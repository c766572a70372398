"""Is the beginning of a file text at all? If so, as much of it as is needed to see which sort.

Letters beyond ASCII may come out wrong: which encoding they are in is found out by whoever reads the document.
"""

from jobs.documents.extractor.unicode_marks import CONTROLS, beginning, marked, wide

ALLOWED = set(CONTROLS.encode())
MOST_CONTROLS = 0.002


def head_text(head: bytes) -> str | None:
    """None for what is no text."""
    if encoding := marked(head) or wide(head):
        return beginning(head, encoding)
    if b"\x00" in head:
        return None
    controls = sum(1 for byte in head if byte < 32 and byte not in ALLOWED)
    if controls > MOST_CONTROLS * len(head):
        return None
    return beginning(head, "utf-8") or head.decode("latin-1")
