"""Does a text speak of an age below eighteen? A number counts only where it is somebody's age."""

import re
from datetime import UTC, datetime
from functools import cache

from jobs.safety import english_ages, russian_ages
from jobs.safety.lexicon import ADULT_AGE, lexicon
from jobs.safety.readings import folded

# what stands for "thirty-five"
LARGER = "99"
BORN = re.compile(r"\bborn (?:in )?(20[0-9]{2})\b|\b(20[0-9]{2}) года? рожден")


def speaks_of_minor(reading: str) -> bool:
    """`reading`: one of jobs.safety.readings."""
    grown = _larger_numbers().sub(LARGER, reading)
    return any(pattern.search(grown) for pattern in _patterns()) or _born_lately(grown)


def beside_a_sign(sentences: str) -> bool:
    """A person, a comma, a number, and nothing that the number counts: "girl, 14, beach". In `sentences`."""
    return bool(_in_a_list().search(sentences))


def _born_lately(reading: str) -> bool:
    adult_until = datetime.now(UTC).year - ADULT_AGE
    return any(int(found[1] or found[2]) > adult_until for found in BORN.finditer(reading))


@cache
def _larger_numbers() -> re.Pattern[str]:
    words = lexicon()
    return re.compile(rf"\b(?:{words.tens}) (?:{words.numbers['en']}|{words.numbers['ru']})\b")


@cache
def _patterns() -> tuple[re.Pattern[str], ...]:
    numbers = lexicon().numbers
    found = (english_ages.english(numbers["en"]), russian_ages.russian(numbers["ru"]))
    return tuple(re.compile(folded("|".join(patterns))) for patterns in found)


@cache
def _in_a_list() -> re.Pattern[str]:
    number = rf"(?:{english_ages.DIGITS}|{lexicon().numbers['en']}|{lexicon().numbers['ru']})"
    who = folded(f"(?:{english_ages.WHO}|{russian_ages.WHO})")
    return re.compile(rf"\b{who} ?[,(:;-]? ?\(?{number}\)?\s*(?:[,.;!?)]|$)")
