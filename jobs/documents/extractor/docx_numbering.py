"""The numbers that Word puts before paragraphs: they are not in its text, and clauses are called by them."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
ROMAN = (
    (1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl"), (10, "x"),
    (9, "ix"), (5, "v"), (4, "iv"), (1, "i"),
)  # fmt: skip
LEVELS = 9
# a number beyond which nobody counts in letters
MOST = 5000


@dataclass(frozen=True)
class Level:
    """`text` is such as "%1.%2."; `format` such as decimal."""

    format: str = "decimal"
    text: str = ""
    start: int = 1


@dataclass
class Numbering:
    """Asked for paragraph after paragraph, in their order."""

    levels: dict[str, dict[int, Level]] = field(default_factory=dict)
    # which list a number belongs to: several numbers may go on counting in one
    lists: dict[str, str] = field(default_factory=dict)
    of_styles: dict[str, tuple[str, int]] = field(default_factory=dict)
    counts: dict[str, dict[int, int]] = field(default_factory=lambda: defaultdict(dict))

    def label(self, paragraph: Any) -> str:
        """What stands before it, "" for most."""
        number, level = self._place(paragraph)
        levels = self.levels.get(number, {})
        if level not in levels:
            return ""
        counts = self.counts[self.lists.get(number, number)]
        counts[level] = counts.get(level, levels[level].start - 1) + 1
        for deeper in [each for each in counts if each > level]:
            del counts[deeper]
        return _label(levels, level, counts)

    def _place(self, paragraph: Any) -> tuple[str, int]:
        properties = paragraph.find(f"{W}pPr")
        if properties is None:
            return "", 0
        style = _value(properties, "pStyle")
        number, level = self.of_styles.get(style, ("", 0))
        own = properties.find(f"{W}numPr")
        if own is not None:
            number, level = _value(own, "numId") or number, _whole(_value(own, "ilvl"), level)
        return number, level


def numbering_of(numbering: Any, styles: Any) -> Numbering:
    """`numbering` and `styles`: the roots of those parts, or None where the document has none."""
    found = Numbering()
    if numbering is None:
        return found
    abstract = {each.get(f"{W}abstractNumId"): _levels(each) for each in numbering.findall(f"{W}abstractNum")}
    for number in numbering.findall(f"{W}num"):
        name, of = number.get(f"{W}numId"), _value(number, "abstractNumId")
        levels = dict(abstract.get(of, {}))
        for override in number.findall(f"{W}lvlOverride"):
            at = _whole(override.get(f"{W}ilvl"), 0)
            start = _whole(_value(override, "startOverride"), 0)
            if at in levels and start:
                levels[at] = Level(levels[at].format, levels[at].text, start)
        found.levels[name] = levels
        found.lists[name] = name if number.findall(f"{W}lvlOverride") else f"list {of}"
    if styles is not None:
        found.of_styles = _of_styles(styles)
    return found


def _levels(abstract: Any) -> dict[int, Level]:
    return {
        _whole(each.get(f"{W}ilvl"), 0): Level(
            _value(each, "numFmt") or "decimal", _value(each, "lvlText"), _whole(_value(each, "start"), 1)
        )
        for each in abstract.findall(f"{W}lvl")
    }


def _of_styles(styles: Any) -> dict[str, tuple[str, int]]:
    found = {}
    for style in styles.findall(f"{W}style"):
        place = style.find(f"{W}pPr/{W}numPr")
        if place is not None and _value(place, "numId"):
            found[style.get(f"{W}styleId")] = (_value(place, "numId"), _whole(_value(place, "ilvl"), 0))
    return found


def _label(levels: dict[int, Level], level: int, counts: dict[int, int]) -> str:
    here = levels[level]
    if here.format == "bullet":
        return "-"
    text = here.text
    for at in range(LEVELS):
        if f"%{at + 1}" in text:
            above = levels.get(at, Level())
            text = text.replace(f"%{at + 1}", _number(counts.get(at, above.start), above.format))
    return text.strip()


def _number(number: int, style: str) -> str:
    if style in ("lowerLetter", "upperLetter") and 0 < number < MOST:
        letter = chr(ord("a") + (number - 1) % 26) * ((number - 1) // 26 + 1)
        return letter.upper() if style == "upperLetter" else letter
    if style in ("lowerRoman", "upperRoman") and 0 < number < MOST:
        return _roman(number).upper() if style == "upperRoman" else _roman(number)
    return "" if style == "none" else str(number)


def _roman(number: int) -> str:
    words = []
    for value, letters in ROMAN:
        words.append(letters * (number // value))
        number %= value
    return "".join(words)


def _value(element: Any, name: str) -> str:
    child = element.find(f"{W}{name}")
    return "" if child is None else str(child.get(f"{W}val", ""))


def _whole(text: str | None, otherwise: int) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 9 else otherwise
