"""Why a document could not be read, in the language of whoever looks at it: a sentence for each code."""

from jobs.companion.wording import say


def refusals(locale: str) -> dict[str, str]:
    """By the codes of jobs/documents/refusals.py; the numbers that those sentences have are left out."""
    return {
        "document_empty": say(locale, "failed.document_empty"),
        "document_too_large": say(locale, "failed.document_too_large"),
        "document_too_many_pages": say(locale, "failed.document_too_many_pages"),
        "document_too_long": say(locale, "failed.document_too_long"),
        "document_scanned": say(locale, "failed.document_scanned"),
        "document_encrypted": say(locale, "failed.document_encrypted"),
        "document_broken": say(locale, "failed.document_broken"),
        "document_bomb": say(locale, "failed.document_bomb"),
        "document_too_slow": say(locale, "failed.document_too_slow"),
        "document_too_heavy": say(locale, "failed.document_too_heavy"),
        "document_crashes_reader": say(locale, "failed.document_crashes_reader"),
        "document_type_unknown": say(locale, "failed.document_type_unknown"),
        "document_gone": say(locale, "failed.document_gone"),
        "document_not_read": say(locale, "failed.document_not_read"),
    }
