"""Sentences for people in their language, from the gettext catalogues in texts/."""

import gettext
import io
from functools import cache
from pathlib import Path
from typing import Any

import polib

CATALOGUES = Path(__file__).parent / "texts"
LOCALES = ("en", "ru")
# people who set their phone to these read Russian more likely than English
READS_RUSSIAN = {"ru", "uk", "be", "kk"}


def locale_for(chosen: str | None, language_code: str | None) -> str:
    """The user's own choice, else a guess from the language of their app."""
    if chosen in LOCALES:
        return chosen
    return "ru" if (language_code or "").split("-")[0].lower() in READS_RUSSIAN else "en"


def locale_of(destination: dict[str, Any]) -> str:
    """The language of whoever waits there for a result."""
    return str(destination.get("telegram", {}).get("locale", "en"))


def say(locale: str, key: str, **values: object) -> str:
    """The sentence `key` with its placeholders filled. Raises KeyError for a key that no catalogue has."""
    sentence = _catalogue(locale).gettext(key)
    if sentence == key:
        raise KeyError(f"no text {key!r} in {locale}.po")
    return sentence.format(**values)


def has_text(locale: str, key: str) -> bool:
    return _catalogue(locale).gettext(key) != key


@cache
def _catalogue(locale: str) -> gettext.GNUTranslations:
    return gettext.GNUTranslations(io.BytesIO(polib.pofile(str(CATALOGUES / f"{locale}.po")).to_binary()))
