"""The word lists in words/, one file a language, made into patterns. What a list's signs mean stands in the files."""

import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jobs.safety.readings import folded

FOLDER = Path(__file__).parent / "words"
LANGUAGES = ("en", "ru")
ADULT_AGE = 18
# a shorter one is a part of too many others
SHORTEST_WITHIN = 4


@dataclass(frozen=True)
class Lexicon:
    """`…_within`: single words, for what is written letter by letter, where no borders are left.

    `numbers`: below eighteen, in words, by language. `tens`: after them a number is a larger one.
    """

    sexual: re.Pattern[str]
    minor: re.Pattern[str]
    school: re.Pattern[str]
    coded: re.Pattern[str]
    harmless: re.Pattern[str]
    casual: re.Pattern[str]
    rules: re.Pattern[str]
    sexual_within: re.Pattern[str]
    minor_within: re.Pattern[str]
    numbers: dict[str, str]
    tens: str


@cache
def lexicon() -> Lexicon:
    """All languages in one: people mix them."""
    lists = [_read(language) for language in LANGUAGES]
    patterns = {
        name: _any_of(entry for each in lists for entry in each.get(name, []))
        for name in ("sexual", "minor", "school", "coded", "harmless", "casual")
    }
    within = {
        "sexual_within": _within(entry for each in lists for entry in each["sexual"]),
        "minor_within": _within(entry for each in lists for entry in (*each["minor"], *each["school"])),
    }
    numbers = {language: "|".join(_numbers(each)) for language, each in zip(LANGUAGES, lists, strict=True)}
    tens = "|".join(folded(each["numbers"]["tens"]) for each in lists)
    return Lexicon(**patterns, **within, rules=re.compile("|".join(map(_rule, lists))), numbers=numbers, tens=tens)


def _read(language: str) -> dict[str, Any]:
    return tomllib.loads((FOLDER / f"{language}.toml").read_text(encoding="utf-8"))


def _any_of(entries: Iterable[str]) -> re.Pattern[str]:
    # only where a word begins: half as many places as the borders of words
    return re.compile(rf"(?<!\w)(?=\w)(?:{'|'.join(map(_pattern, entries))})\b")


def _within(entries: Iterable[str]) -> re.Pattern[str]:
    words = (folded(word) for entry in entries for word in _single(entry))
    return re.compile("|".join(word for word in words if len(word) >= SHORTEST_WITHIN))


def _single(entry: str) -> Iterator[str]:
    """The words that an entry of one word stands for, as they begin."""
    if re.fullmatch(r"\w+\*?", entry):
        yield entry.removesuffix("*")
    elif found := re.fullmatch(r"(\w+)\(([\w|]+)\)", entry):
        yield from (found[1] + ending for ending in found[2].split("|"))


def _pattern(entry: str) -> str:
    return folded(entry).replace("(", "(?:").replace("*", r"\w*").replace("(?:?:", "(?:")


def _numbers(words: dict[str, Any]) -> list[str]:
    return [folded(words["numbers"][str(number)]) for number in range(ADULT_AGE) if str(number) in words["numbers"]]


def _rule(words: dict[str, Any]) -> str:
    """A sentence that begins as a rule does and has no other words than a rule's: nothing can be asked for with it."""
    begins, allowed = "|".join(map(folded, words["rule"]["begins"])), "|".join(map(folded, words["rule"]["words"]))
    return rf"(?:^|(?<=[.!?;\n]))\s*(?:{begins}) (?:{allowed})(?:,? (?:{allowed}))*\s*(?=[.!?;\n]|$)"
