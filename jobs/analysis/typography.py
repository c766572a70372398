"""Text without what printing adds or changes: blanks, line ends, quotation marks, dashes, ligatures, accents."""

import unicodedata
from functools import lru_cache

DASHES = frozenset("‐‑‒–—―−﹘﹣－-")
LEFT_OUT = frozenset("\"'«»„“”‟‘’‚‛`´‹›|•▪·*_#")


def bare(text: str) -> tuple[str, list[int]]:
    """The letters, figures and signs that remain, and the place in `text` of each."""
    kept: list[str] = []
    places: list[int] = []
    for place, character in enumerate(text):
        for each in _bare_character(character):
            kept.append(each)
            places.append(place)
    return _without_hyphens(kept, places)


@lru_cache(maxsize=8192)
def _bare_character(character: str) -> str:
    if character in LEFT_OUT:
        return ""
    if character in DASHES:
        return "-"
    plain = unicodedata.normalize("NFKD", character).casefold()
    return "".join(
        each for each in plain if not each.isspace() and unicodedata.category(each) not in ("Mn", "Cf", "Cc")
    )


def _without_hyphens(kept: list[str], places: list[int]) -> tuple[str, list[int]]:
    """Between two letters a hyphen may be one that divides a word at the end of a line."""
    last = len(kept) - 1
    stays = [
        each != "-" or not (0 < number < last and kept[number - 1].isalpha() and kept[number + 1].isalpha())
        for number, each in enumerate(kept)
    ]
    letters = "".join(each for each, stay in zip(kept, stays, strict=True) if stay)
    return letters, [place for place, stay in zip(places, stays, strict=True) if stay]
