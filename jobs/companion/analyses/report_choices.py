"""How a person wants their reports, as /settings shows it: the formats, at least one, and the language."""

from collections.abc import Sequence

from jobs.companion.messages.chat_messages import Button, Buttons
from jobs.companion.wording import say
from jobs.db.analyses.report_preferences import ReportPreferences

FORMATS = {"pdf": "PDF", "docx": "DOCX", "html": "HTML", "md": "Markdown"}
LANGUAGES = {"ru": "Русский", "en": "English"}
ANY = "any"


def lines(locale: str, chosen: ReportPreferences) -> list[str]:
    names = ", ".join(name for each, name in FORMATS.items() if each in chosen.report_formats)
    language = LANGUAGES.get(chosen.language or "") or say(locale, "settings.report_language_any")
    return [
        say(locale, "settings.report_formats", formats=names),
        say(locale, "settings.report_language", language=language),
    ]


def buttons(locale: str, chosen: ReportPreferences, prefix: str) -> Buttons:
    """`prefix` and what shall be: `format:pdf:off`, `report:ru`."""
    formats = tuple(
        Button(_marked(name, each in chosen.report_formats), f"{prefix}format:{each}:{_other(each, chosen)}")
        for each, name in FORMATS.items()
    )
    languages = {ANY: say(locale, "settings.report_language_any"), **LANGUAGES}
    row = tuple(
        Button(_marked(say(locale, "button.report_language", language=name), each == (chosen.language or ANY)),
               f"{prefix}report:{each}")
        for each, name in languages.items()
    )  # fmt: skip
    return (formats, row)


def with_format(chosen: ReportPreferences, fmt: str, *, wanted: bool) -> Sequence[str]:
    """In their usual order. Empty where nothing would be left."""
    known = set(chosen.report_formats) | {fmt} if wanted else set(chosen.report_formats) - {fmt}
    return [each for each in FORMATS if each in known]


def _other(fmt: str, chosen: ReportPreferences) -> str:
    return "off" if fmt in chosen.report_formats else "on"


def _marked(name: str, marked: bool) -> str:
    return f"• {name}" if marked else name
