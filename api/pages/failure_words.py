"""What went wrong, in the language of whoever looks at a page."""

from jobs.companion.wording import has_text, say
from jobs.db.work.jobs import Json
from jobs.errors import PostgenError
from jobs.reports.refused_documents import refusals


def error_words(locale: str, error: Json | None) -> list[str]:
    """The sentence in the reader's language where there is one, and what the failure itself says beyond that."""
    if not error:
        return []
    code, detail = str(error.get("code")), str(error.get("detail", ""))
    if locale == "en":
        return [detail]
    if said := refusals(locale).get(code):
        return [said]
    return [say(locale, f"failed.{code}"), detail] if has_text(locale, f"failed.{code}") else [detail]


def said_first(locale: str, error: PostgenError) -> str:
    """The one sentence for which there is room."""
    return error_words(locale, error.as_json())[0]
