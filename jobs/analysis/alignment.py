"""Which pieces of several documents belong together? Those with one heading, else those that say much the same."""

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence

NUMBER = re.compile(r"^[\W_]*(?:[^\W\d_]+\s+)?[0-9IVXLC]+(?:\.[0-9]+)*[.)]?\s*", re.IGNORECASE)
WORD = re.compile(r"\w+")
LONGEST_KEY = 200
LOOKED_AT = 1500
# of all words so many are the same
ALIKE = 0.45
# where there are many pieces, only so many around the expected place are compared
MOST_PAIRS = 40_000
NEIGHBOURS = 12


def align(sides: Sequence[Sequence[str]]) -> list[list[list[int]]]:
    """Groups, in the order of the first document that has any: for each document the numbers of its pieces."""
    base = next((number for number, side in enumerate(sides) if side), 0)
    groups: list[list[list[int]]] = [[[] for _ in sides] for _ in sides[base]]
    for number, side in enumerate(sides):
        homes = list(range(len(side))) if number == base else _homes(sides[base], side)
        for piece, home in enumerate(homes):
            groups[home][number].append(piece)
    return groups


def _homes(base: Sequence[str], side: Sequence[str]) -> list[int]:
    """For each piece the one of the base that it belongs to; what belongs to none goes with the piece before it."""
    found = _by_key(base, side)
    taken = set(found.values())
    for _, piece, home in sorted(_alike(base, side, found, taken), reverse=True):
        if piece not in found and home not in taken:
            found[piece] = home
            taken.add(home)
    homes, last = [], 0
    for piece in range(len(side)):
        last = found.get(piece, last)
        homes.append(last)
    return homes


def _by_key(base: Sequence[str], side: Sequence[str]) -> dict[int, int]:
    """Those whose first line stands once here and once there."""
    here, there = _unique(base), _unique(side)
    return {there[key]: here[key] for key in there if key in here}


def _unique(texts: Sequence[str]) -> dict[str, int]:
    keys = [_key(each) for each in texts]
    counts = Counter(keys)
    return {key: number for number, key in enumerate(keys) if key and counts[key] == 1}


def _key(text: str) -> str:
    first = next((line for line in text.splitlines() if line.strip()), "")
    return " ".join(WORD.findall(NUMBER.sub("", first).casefold()))[:LONGEST_KEY]


def _alike(
    base: Sequence[str], side: Sequence[str], found: dict[int, int], taken: set[int]
) -> Iterable[tuple[float, int, int]]:
    free = [home for home in range(len(base)) if home not in taken]
    left = [piece for piece in range(len(side)) if piece not in found]
    everywhere = len(free) * len(left) <= MOST_PAIRS
    here = {home: _words(base[home]) for home in free}
    for piece in left:
        there = _words(side[piece])
        expected = piece * len(base) // max(1, len(side))
        near = free[bisect_left(free, expected - NEIGHBOURS) : bisect_right(free, expected + NEIGHBOURS)]
        for home in free if everywhere else near:
            likeness = _likeness(here[home], there)
            if likeness >= ALIKE:
                yield likeness - abs(home - expected) / 10_000, piece, home


def _likeness(one: set[str], other: set[str]) -> float:
    """The share of words that both have."""
    if not (one and other):
        return 0.0
    return 2 * len(one & other) / (len(one) + len(other))


def _words(text: str) -> set[str]:
    return set(WORD.findall(text[:LOOKED_AT].casefold()))
