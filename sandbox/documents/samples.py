"""The pairs of documents that are here, and what was changed between the two of each."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

FOLDER = Path(__file__).parent
NAMES = ("maintenance_en", "supply_ru")
BETWEEN_PAGES = "<!-- page -->"

Kind = Literal["changed", "removed", "added"]
Severity = Literal["low", "medium", "high"]


@dataclass(frozen=True)
class Difference:
    """`old` is empty for what was added: that stands behind `after`. `page` is the same in both documents."""

    page: int
    kind: Kind
    severity: Severity
    title: str
    old: str
    new: str
    after: str = ""


@dataclass(frozen=True)
class Sample:
    """`old` and `new` are Markdown, with marks between the pages: see printing.py."""

    name: str
    language: str
    title: str
    old: str
    new: str
    differences: tuple[Difference, ...]


def sample(name: str) -> Sample:
    """One of NAMES."""
    folder = FOLDER / name
    listed = tomllib.loads((folder / "differences.toml").read_text(encoding="utf-8"))
    return Sample(
        name=name,
        language=listed["language"],
        title=listed["title"],
        old=(folder / "old.md").read_text(encoding="utf-8"),
        new=(folder / "new.md").read_text(encoding="utf-8"),
        differences=tuple(Difference(**each) for each in listed["difference"]),
    )


def samples() -> list[Sample]:
    return [sample(name) for name in NAMES]


def pages(source: str) -> list[str]:
    """The Markdown of each page."""
    return [page.strip() for page in source.split(BETWEEN_PAGES)]


def with_differences(source: str, differences: tuple[Difference, ...]) -> str:
    """The old document with each of them made, each of which must fit in one place."""
    found = pages(source)
    for each in differences:
        page = found[each.page - 1]
        old, new = each.after + each.old, each.after + each.new
        # a page that ends with a clause has no empty line behind it
        old = old if old in page else old.rstrip("\n")
        if page.count(old) != 1:
            raise ValueError(f"page {each.page} has {page.count(old)} places with {old!r}")
        found[each.page - 1] = page.replace(old, new).strip()
    return f"\n\n{BETWEEN_PAGES}\n\n".join(found) + "\n"
