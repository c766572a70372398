"""What was found, once its quotations are checked; the same thing found twice is one finding."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from jobs.analysis.answers import SaidFinding
from jobs.analysis.asked import SEVERITIES, FindingKind, Severity
from jobs.analysis.quotations import Quotations
from jobs.analysis.typography import bare


class Quotation(BaseModel):
    """In the document's own words, at the page where they begin."""

    model_config = ConfigDict(frozen=True)

    document_id: UUID
    page: int
    text: str


class Found(BaseModel):
    kind: FindingKind
    severity: Severity
    title: str
    explanation: str
    quotations: list[Quotation]

    @property
    def words(self) -> str:
        """What the language model wrote of it itself."""
        return f"{self.title}\n{self.explanation}"

    @property
    def quoted(self) -> str:
        return "\n".join(each.text for each in self.quotations)


class Checked(BaseModel):
    """`dropped`: quotations that stand nowhere, or were never given. `lost`: findings that fell with them."""

    findings: list[Found] = []
    dropped: int = 0
    lost: int = 0


def checked(said: Sequence[SaidFinding], quotations: Quotations) -> Checked:
    found, dropped, lost = [], 0, 0
    for each in said:
        stands = [quotations.find(one.text, document=one.document, page=one.page) for one in each.quotations]
        kept = list(dict.fromkeys(one for one in stands if one))
        dropped += sum(one is None for one in stands) if stands else 1
        if not kept or not each.title.strip():
            lost += 1
            continue
        shown = [Quotation(document_id=one.document_id, page=one.page, text=one.text) for one in kept]
        found.append(
            Found.model_validate(
                {
                    "kind": each.kind,
                    "severity": each.severity,
                    "title": " ".join(each.title.split()),
                    "explanation": each.explanation.strip(),
                    "quotations": shown,
                }
            )
        )
    return Checked(findings=found, dropped=dropped, lost=lost)


def united(found: Iterable[Found]) -> list[Found]:
    """Findings of one kind with the same quotations are one."""
    known: dict[object, Found] = {}
    for each in found:
        key = each.kind, frozenset((one.document_id, bare(one.text)[0]) for one in each.quotations)
        known[key] = joined(known[key], each) if key in known else each
    return list(known.values())


def joined(one: Found, other: Found) -> Found:
    """The first's words, both's quotations, and the graver severity."""
    quotations = list(dict.fromkeys([*one.quotations, *other.quotations]))
    return one.model_copy(update={"severity": graver(one.severity, other.severity), "quotations": quotations})


def graver(one: Severity, other: Severity) -> Severity:
    return max(one, other, key=SEVERITIES.index)


def same_joined(found: Sequence[Found], groups: Sequence[Sequence[int]]) -> list[Found]:
    """`groups`: numbers, from 1, as a language model named them; only those that tell of one page are believed."""
    kept: list[Found | None] = list(found)
    for group in groups:
        numbers = [number - 1 for number in dict.fromkeys(group) if 1 <= number <= len(found)]
        for number in numbers[1:]:
            first, other = kept[numbers[0]], kept[number]
            if first and other and first.kind == other.kind and _pages(first) & _pages(other):
                kept[numbers[0]], kept[number] = joined(first, other), None
    return [each for each in kept if each]


def in_order(found: Iterable[Found], documents: Sequence[UUID]) -> list[Found]:
    """The grave ones first, then as they stand in the documents."""
    places = {document_id: place for place, document_id in enumerate(documents)}

    def place(each: Found) -> tuple[int, int, int]:
        first = min(each.quotations, key=lambda one: (places.get(one.document_id, len(places)), one.page))
        return -SEVERITIES.index(each.severity), first.page, places.get(first.document_id, len(places))

    return sorted(found, key=place)


def _pages(found: Found) -> set[tuple[UUID, int]]:
    return {(each.document_id, each.page) for each in found.quotations}
