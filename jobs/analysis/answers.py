"""The forms in which a language model answers: what it found in a part, and what all parts come to."""

from functools import lru_cache
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field, create_model

from jobs.analysis.asked import Severity

MOST_FINDINGS = 30
# a model that likes to go on should come to its end within the room for an answer, which may be asked for doubled
TOKENS_OF_FINDING, TOKENS_OF_SUMMARY = 60, 250
MOST_QUOTATIONS = 4
MOST_SAME = 60


def _at_most(length: int) -> BeforeValidator:
    """A wire that cannot hold the model to a length must not lose the whole answer because of it."""

    def cut(text: Any) -> Any:
        if not isinstance(text, str) or len(text) <= length:
            return text
        return text[:length].rpartition(" ")[0] or text[:length]

    return BeforeValidator(cut)


Title = Annotated[str, Field(max_length=160), _at_most(160)]
Explanation = Annotated[str, Field(max_length=600), _at_most(600)]
Words = Annotated[str, Field(max_length=300), _at_most(300)]
Summary = Annotated[str, Field(max_length=900), _at_most(900)]


class SaidQuotation(BaseModel):
    """As the model gives it: whether it stands there is seen afterwards."""

    document: int = Field(description="The number of the document.")
    page: int = Field(description="The number of the page.")
    text: Words = Field(description="The words of the document, copied letter by letter: one sentence or less.")


class SaidFinding(BaseModel):
    kind: str
    severity: Severity = Field(description="high: it changes rights, duties, money or dates. low: wording only.")
    title: Title
    explanation: Explanation
    quotations: Annotated[
        list[SaidQuotation], Field(max_length=MOST_QUOTATIONS), BeforeValidator(lambda given: _first(given))
    ]


class SaidOfPart(BaseModel):
    findings: Annotated[
        list[SaidFinding], Field(max_length=MOST_FINDINGS), BeforeValidator(lambda given: _first(given, MOST_FINDINGS))
    ]
    summary: Summary = Field(description="What this part is about and what was found in it, in a few sentences.")


class SaidOfAll(BaseModel):
    same: Annotated[list[list[int]], Field(max_length=MOST_SAME)] = Field(
        description="Numbers of findings that tell of one and the same thing, in groups. Most are in no group."
    )
    summary: Summary


def most_findings(answer_tokens: int) -> int:
    """Where a part has as many, there may be more."""
    return max(1, min(MOST_FINDINGS, (answer_tokens - TOKENS_OF_SUMMARY) // TOKENS_OF_FINDING))


@lru_cache(maxsize=64)
def form_of_part(kinds: tuple[str, ...], answer_tokens: int) -> type[SaidOfPart]:
    """With no other kinds of findings than these, and no more of them than there is room for."""
    most = most_findings(answer_tokens)
    kind: Any = Literal[kinds]
    finding = create_model("Finding", __base__=SaidFinding, kind=(kind, ...))
    listed: Any = Annotated[list[finding], Field(max_length=most), BeforeValidator(lambda given: _first(given, most))]
    return create_model("Findings", __base__=SaidOfPart, findings=(listed, ...))


def _first(given: Any, most: int = MOST_QUOTATIONS) -> Any:
    return given[:most] if isinstance(given, list) else given
