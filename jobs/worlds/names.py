"""Usernames and hashtags, whatever a language model makes of them: of few letters, and each username once."""

import re
import unicodedata
from collections.abc import Iterable

LONGEST = 30
CYRILLIC = dict(
    zip(
        "абвгдеёжзийклмнопрстуфхцчшщъыьэюяіїєґў",
        "a b v g d e e zh z i i k l m n o p r s t u f kh ts ch sh shch - y - e yu ya i i e g u".replace("-", "").split(
            " "
        ),
        strict=True,
    )
)
NOT_IN_USERNAME = re.compile(r"[^a-z0-9]+")


def username(wanted: str, position: int) -> str:
    """Small Latin letters, digits and underscores; without any of those, a name from the position."""
    latin = "".join(CYRILLIC.get(letter, letter) for letter in wanted.lower())
    plain = unicodedata.normalize("NFKD", latin).encode("ascii", "ignore").decode()
    return NOT_IN_USERNAME.sub("_", plain).strip("_")[:LONGEST].strip("_") or f"user_{position}"


def alike(wanted: str) -> str:
    """The same for names of which one would need a number behind it."""
    nameless = username("", 0)
    return name if (name := username(wanted, 0)) != nameless else wanted.casefold()


def free(name: str, taken: Iterable[str]) -> str:
    """The name, or with the first number that nobody has."""
    known = set(taken)
    number, found = 2, name
    while found in known:
        end = f"_{number}"
        found = f"{name[: LONGEST - len(end)]}{end}"
        number += 1
    return found


def hashtags(wanted: Iterable[str]) -> list[str]:
    """Without the sign, each once."""
    found: dict[str, str] = {}
    for each in wanted:
        word = "".join(filter(_is_in_hashtag, each))
        found.setdefault(word.lower(), word)
    return [word for word in found.values() if word]


def _is_in_hashtag(sign: str) -> bool:
    """Letters, digits, and the marks on letters without which many languages cannot be written."""
    return sign.isalnum() or sign == "_" or unicodedata.category(sign).startswith("M")
