"""Which format do these bytes have? Told from what is in them, never from the file's name.

Cheap enough for a door: it looks at the beginning and the end, and unpacks nothing.
"""

import re
from typing import Literal

from jobs.documents.extractor.csv_lines import delimiter_of
from jobs.documents.head_text import head_text
from jobs.documents.refusals import DocumentRefused, refusal, unknown_type

Format = Literal["pdf", "docx", "html", "md", "csv", "txt"]

# so much of its beginning and its end is enough
LOOKED_AT = 64 * 1024
CONTENT_TYPES: dict[Format, str] = {
    "pdf": "application/pdf",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "html": "text/html",
    "md": "text/markdown",
    "csv": "text/csv",
    "txt": "text/plain",
}
# a PDF may have a little before its mark
PDF_WITHIN = 1024
ZIP = b"PK\x03\x04"
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
PASSWORD = "EncryptedPackage".encode("utf-16-le")
# by what the archive has in it
ARCHIVES = (
    (b"xl/workbook", "This is a spreadsheet. Save it as CSV."),
    (b"ppt/presentation", "This is a presentation. Save it as PDF."),
    (b"application/vnd.oasis.opendocument", "This is an OpenDocument file. Save it as DOCX or PDF."),
    (b"application/epub+zip", "This is an e-book. Save it as PDF or HTML."),
)
OTHERS = (
    (b"\x89PNG", "This is a picture. Send it through text recognition (OCR) first."),
    (b"\xff\xd8\xff", "This is a picture. Send it through text recognition (OCR) first."),
    (b"GIF8", "This is a picture. Send it through text recognition (OCR) first."),
    (b"II*\x00", "This is a picture. Send it through text recognition (OCR) first."),
    (b"MM\x00*", "This is a picture. Send it through text recognition (OCR) first."),
    (b"{\\rtf", "This is an RTF file. Save it as DOCX or PDF."),
    (b"%!PS", "This is PostScript. Save it as PDF."),
    (b"PK\x05\x06", "This is an empty archive."),
)

HTML_BEGINS = re.compile(r"<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE)
BEFORE_HTML = re.compile(r"^(?:\s+|<\?xml[^>]{0,200}\?>|<!--.{0,2000}?-->)+", re.DOTALL)
HTML_TAG = re.compile(
    r"</?(?:p|div|table|tr|td|h[1-6]|ul|ol|li|span|br|a|b|i|section|article)\b[^>]{0,500}>", re.IGNORECASE
)
TAGS_OF_A_PAGE = 4
MARKDOWN = (
    re.compile(r"^#{1,6} \S", re.MULTILINE),
    re.compile(r"^(?:```|~~~)", re.MULTILINE),
    re.compile(r"\[[^\]\n]{1,200}\]\([^)\s]{1,500}\)"),
    re.compile(r"^\|?(?: ?:?-{3,}:? ?\|)+", re.MULTILINE),
    re.compile(r"\*\*[^*\n]{1,200}\*\*"),
    re.compile(r"^(?:[-*+]|\d{1,3}\.) \[[ xX]\] ", re.MULTILINE),
    re.compile(r"^[^\n]{1,200}\n(?:={3,}|-{3,})[ \t]*$", re.MULTILINE),
)


def format_of(head: bytes, tail: bytes) -> Format:
    """`head` and `tail`: LOOKED_AT bytes of each end, or all. Raises DocumentRefused, in words."""
    if not head.strip(b"\x00 \t\r\n"):
        raise refusal("document_empty")
    if b"%PDF-" in head[:PDF_WITHIN]:
        return "pdf"
    if head.startswith(ZIP):
        return _archive(head + tail)
    if head.startswith(OLE):
        raise _old_office(head + tail)
    for signature, words in OTHERS:
        if head.startswith(signature):
            raise unknown_type(words)
    text = head_text(head)
    if text is None:
        raise refusal("document_type_unknown")
    return _text_format(text)


def _archive(data: bytes) -> Format:
    if b"word/document" in data:
        return "docx"
    for inside, words in ARCHIVES:
        if inside in data:
            raise unknown_type(words)
    # its list of parts may be long: whoever opens it will see
    if b"[Content_Types].xml" in data:
        return "docx"
    raise unknown_type("This is an archive. Upload the documents that are in it one by one.")


def _old_office(data: bytes) -> DocumentRefused:
    if PASSWORD in data:
        return refusal("document_encrypted")
    return unknown_type(
        "This is a file of an older Office, or one with a password. Save it as DOCX without a password."
    )


def _text_format(text: str) -> Format:
    body = BEFORE_HTML.sub("", text, count=1)
    if HTML_BEGINS.match(body) or (body.startswith("<") and len(HTML_TAG.findall(body[:20_000])) >= TAGS_OF_A_PAGE):
        return "html"
    if _is_table(text):
        return "csv"
    return "md" if _is_markdown(text) else "txt"


def _is_table(text: str) -> bool:
    """Rows of equally many short cells, with names at the top. Sentences that happen to have a comma each are none."""
    lines = [line for line in text.splitlines()[:50] if line.strip()]
    sample = "\n".join(lines[:-1] if len(text) >= LOOKED_AT // 4 and len(lines) > 2 else lines)
    delimiter = delimiter_of(sample)
    if delimiter is None or any(line.lstrip().startswith(("|", "#", "- ", "* ")) for line in lines[:3]):
        return False
    header = lines[0].split(delimiter)
    names = all(0 < len(name.strip().strip('"')) <= 60 for name in header)
    sentences = sum(1 for line in lines if line.rstrip().endswith((".", "!", "?", ":", ",")))
    return names and sentences * 2 <= len(lines) and (len(lines) > 2 or len(header) > 2)


def _is_markdown(text: str) -> bool:
    found = [bool(sign.search(text)) for sign in MARKDOWN]
    return found[0] or sum(found) > 1
