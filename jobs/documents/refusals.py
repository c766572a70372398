"""Why a document cannot be taken or read: each reason under a code of its own, in a sentence that says what to do."""

from jobs.documents.extractor.limits import LARGEST_FILE, MOST_CHARACTERS, MOST_PAGES
from jobs.errors import InvalidInput

MEGABYTES = LARGEST_FILE // (1024 * 1024)
SENTENCES = {
    "document_empty": "The document is empty: there is no text in it and no picture of one.",
    "document_too_large": f"A document may have {MEGABYTES} MB. Split it, or leave out its pictures.",
    "document_too_many_pages": f"The document has {{pages:,}} pages; {MOST_PAGES:,} are read at most. Split it.",
    "document_too_long": (
        f"The document has more than {{characters:,}} characters; {MOST_CHARACTERS:,} are read at most. Split it."
    ),
    "document_scanned": (
        "The document has pictures of its pages and no text layer: it was scanned, or its text was made into drawings."
        " Send it through text recognition (OCR) first, and upload the result."
    ),
    "document_encrypted": "The document is protected with a password. Save it without one and upload it again.",
    "document_broken": "The document is damaged and cannot be opened. Open it in its own program and save it anew.",
    "document_bomb": (
        "The document would unpack to {megabytes:,} MB, far more than a document of its size holds, and was not opened."
        " Save it anew, without embedded files."
    ),
    "document_too_slow": (
        "Reading the document took more than {seconds:,} seconds and was stopped. Save it anew in a simpler form, or"
        " split it."
    ),
    "document_too_heavy": (
        "Reading the document took more than {megabytes:,} MB of memory and was stopped. Save it anew in a simpler"
        " form, or split it."
    ),
    "document_crashes_reader": (
        "The program that reads documents broke off at this one, and only at this one. Save it anew in its own program,"
        " or as another format."
    ),
    "document_type_unknown": (
        "This is no document that can be read here: it is neither PDF, DOCX, HTML, Markdown, CSV nor plain text."
    ),
    "document_gone": "The file of the document is not stored any more. Upload it again.",
}


class DocumentRefused(InvalidInput):
    """`code` is one of SENTENCES."""


def refusal(code: str, **values: int) -> DocumentRefused:
    """A code that nobody knows reads as a document that could not be read."""
    known = code if code in SENTENCES else "document_crashes_reader"
    try:
        sentence = SENTENCES[known].format(**values)
    except KeyError:
        known, sentence = "document_crashes_reader", SENTENCES["document_crashes_reader"]
    return DocumentRefused(sentence, code=known)


def unknown_type(what: str) -> DocumentRefused:
    """`what` it is, and what to do, in words."""
    return DocumentRefused(
        f"{what} What can be read: PDF, DOCX, HTML, Markdown, CSV and plain text.", code="document_type_unknown"
    )
