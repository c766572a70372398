"""What is looked for in documents, by the names that clients use, and how the kinds of findings are called."""

from typing import Literal, get_args

LooksFor = Literal["differences", "contradictions", "missing_parts", "risks", "summary"]
FindingKind = Literal["difference", "contradiction", "missing_part", "risk", "answer"]
Severity = Literal["low", "medium", "high"]
Language = Literal["en", "ru"]

LOOKS_FOR: tuple[str, ...] = get_args(LooksFor)
SEVERITIES: tuple[str, ...] = get_args(Severity)
LANGUAGES: dict[str, str] = {"en": "English", "ru": "Russian"}

KINDS_OF: dict[str, tuple[str, str]] = {
    "differences": (
        "difference",
        "what the documents say differently about the same matter: figures, dates, names, duties, conditions. Quote"
        " the words of each document.",
    ),
    "contradictions": (
        "contradiction",
        "statements that cannot both be true, in different documents or within one. Quote both of them.",
    ),
    "missing_parts": (
        "missing_part",
        "what one document has and another lacks altogether. Quote it where it stands.",
    ),
    "risks": (
        "risk",
        "what may harm somebody who relies on a document: penalties, liability, unclear or one-sided terms. Quote it.",
    ),
}
ANSWER = "answer"


def finding_kinds(looks_for: list[str], question: str) -> tuple[str, ...]:
    """Which kinds of findings are wanted; where only a summary was, what is different tells most."""
    kinds = [KINDS_OF[each][0] for each in LOOKS_FOR if each in looks_for and each in KINDS_OF]
    return tuple(kinds + ([ANSWER] if question else [])) or ("difference",)
