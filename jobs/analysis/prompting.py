"""The words in which a language model is asked; the long ones are in files beside."""

from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from jobs.analysis.asked import KINDS_OF, LANGUAGES, LOOKS_FOR
from jobs.analysis.paged_text import PagedText

MARK = "<<<"
# of the same length, so that places stay where they are
HARMLESS_MARK = "‹‹‹"
# in a name, which must not end the line that it stands in
HARMLESS = str.maketrans({'"': "'", "<": "‹", ">": "›"})
LONGEST_NAME = 80


@cache
def _template(name: str) -> str:
    return (files("jobs.analysis") / "prompts" / name).read_text(encoding="utf-8")


def part_instruction(
    looks_for: Sequence[str], question: str, language: str, *, documents: int, number: int, of: int
) -> str:
    wanted = [
        f"- {KINDS_OF[each][0]}: {KINDS_OF[each][1]}" for each in LOOKS_FOR if each in looks_for if each in KINDS_OF
    ]
    if question:
        wanted.append(f"- answer: what the documents say to this question, quoted: {question}")
    if not wanted:
        wanted.append(f"- difference: {KINDS_OF['differences'][1]}")
    place = f" (part {number} of {of}; what is missing here may stand in another part)" if of > 1 else ""
    return _template("part.md").format(
        documents=documents, place=place, wanted="\n".join(wanted), language=LANGUAGES[language]
    )


def merge_instruction(question: str, language: str) -> str:
    asked = f" Answer this question too, from the findings alone: {question}" if question else ""
    return _template("merge.md").format(question=asked, language=LANGUAGES[language])


def excerpt_in_words(number: int, name: str, text: PagedText, start: int, end: int) -> str:
    """`number`: of the document, from 1."""
    shown = " ".join(name.translate(HARMLESS).split())[:LONGEST_NAME]
    return "\n".join(
        f'{MARK} document {number} "{shown}", page {page} >>>\n{words.strip().replace(MARK, HARMLESS_MARK)}'
        for page, words in text.by_page(start, end)
        if words.strip()
    )
