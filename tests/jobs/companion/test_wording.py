"""Every sentence in both languages, with the same places to fill, and none that nobody says."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import polib
import pytest

from jobs.companion.operating.registration import COMMANDS
from jobs.companion.wording import CATALOGUES, LOCALES, has_text, locale_for, say
from jobs.errors import PostgenError
from jobs.guard import refusals
from jobs.kinds import registry

ROOT = Path(__file__).parents[3]
TEXTS = {
    locale: {entry.msgid: entry.msgstr for entry in polib.pofile(str(CATALOGUES / f"{locale}.po"))}
    for locale in LOCALES
}
KEYS = sorted(TEXTS["en"])
LONGEST_MESSAGE = 4096


def placeholders(sentence: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(sentence) if name is not None}


def sources() -> Iterator[ast.AST]:
    for package in ("jobs", "webhook", "api"):
        for path in (ROOT / package).rglob("*.py"):
            yield from ast.walk(ast.parse(path.read_text(encoding="utf-8")))


def keys_in_code() -> set[str]:
    """First words of say(…): a key of its own (visit.say) or after the locale (wording.say)."""
    found = set()
    for node in sources():
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name == "say":
            words = [each.value for each in node.args[:2] if isinstance(each, ast.Constant)]
            found |= {each for each in words if isinstance(each, str)}
    return found - set(LOCALES)


def error_codes() -> set[str]:
    """Every code that an error of ours may have: of a class, or given as code="…"."""
    given = (node for node in sources() if isinstance(node, ast.keyword) and node.arg == "code")
    found = {node.value.value for node in given if isinstance(node.value, ast.Constant)}
    # of classes too that no test has imported yet
    found |= {
        each.value.value
        for node in sources()
        if isinstance(node, ast.ClassDef)
        for each in node.body
        if isinstance(each, ast.Assign) and any(getattr(to, "id", "") == "code" for to in each.targets)
        if isinstance(each.value, ast.Constant)
    }

    def below(cls: type[PostgenError]) -> Iterator[type[PostgenError]]:
        yield cls
        for each in cls.__subclasses__():
            yield from below(each)

    return {str(code) for code in found} | {each.code for each in below(PostgenError)}


def test_both_languages_have_the_same_sentences() -> None:
    assert sorted(TEXTS["ru"]) == KEYS
    assert set(LOCALES) == {path.stem for path in CATALOGUES.glob("*.po")}


@pytest.mark.parametrize("key", KEYS)
def test_a_sentence_is_whole(key: str) -> None:
    english, russian = TEXTS["en"][key], TEXTS["ru"][key]
    assert english.strip() == english != ""
    assert russian.strip() == russian != ""
    assert placeholders(english) == placeholders(russian)
    assert re.search("[а-яё]", russian, re.IGNORECASE)
    assert not re.search("[а-яё]", english, re.IGNORECASE)
    assert max(len(english), len(russian)) < LONGEST_MESSAGE / 2
    assert re.findall(r"/[a-z]+", english) == re.findall(r"/[a-z]+", russian), "the same commands"


def test_no_catalogue_has_a_sentence_twice_or_half_done() -> None:
    for locale in LOCALES:
        entries = list(polib.pofile(str(CATALOGUES / f"{locale}.po")))
        assert len({entry.msgid for entry in entries}) == len(entries)
        assert not [entry.msgid for entry in entries if entry.fuzzy or entry.obsolete]


def test_every_sentence_that_is_said_exists() -> None:
    assert keys_in_code() - set(KEYS) == set()


def test_every_sentence_is_said_by_somebody() -> None:
    codes = {*error_codes(), refusals.BudgetSpent.code}
    failures = {f"failed.{name}" for name in {*codes, *registry.KINDS, "other"}}
    commands = {f"command.{name}" for name in COMMANDS}
    assert set(KEYS) - keys_in_code() - failures - commands - {"cancelled", "expired"} == set()
    assert commands <= set(KEYS)


def test_the_ends_of_a_job_have_words() -> None:
    for locale in LOCALES:
        assert all(has_text(locale, key) for key in ("cancelled", "expired", "failed.other"))


def test_an_unknown_sentence_is_a_mistake_and_not_shown() -> None:
    with pytest.raises(KeyError, match=r"no text 'nonsense' in ru\.po"):
        say("ru", "nonsense")
    assert not has_text("en", "nonsense")


def test_a_value_with_braces_is_a_value() -> None:
    assert "{command}" in say("en", "unknown_command", command="{command}")


@pytest.mark.parametrize(
    ("chosen", "language", "locale"),
    [
        ("ru", "en", "ru"), ("en", "ru", "en"), (None, "ru", "ru"), (None, "RU", "ru"), (None, "ru-UA", "ru"),
        (None, "uk", "ru"), (None, "be", "ru"), (None, "kk", "ru"), (None, "rue", "en"), (None, "de", "en"),
        (None, "", "en"), (None, None, "en"), ("de", "ru", "ru"), ("", None, "en"),
    ],
)  # fmt: skip
def test_which_language(chosen: str | None, language: str | None, locale: str) -> None:
    assert locale_for(chosen, language) == locale
