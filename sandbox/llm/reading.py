"""A scripted language model that compares documents: it reports the planted differences that it is shown.

For `ScriptedOllama(reader(planted))`. It copies as models do: on one line, with plain quotation marks, and with page
numbers that may be wrong. What it is not shown it cannot report.
"""

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from jobs.analysis.typography import bare

Json = dict[str, Any]

MARK = re.compile(r'^<<< document ([0-9]+) "[^"]*", page ([0-9]+) >>>$', re.MULTILINE)
# the instruction for a part asks for quotations, that for the whole does not
OF_PART = "A quotation is copied letter by letter"


@dataclass(frozen=True)
class Planted:
    """`words`: the number of a document, from 1, and what it says."""

    words: tuple[tuple[int, str], ...]
    kind: str = "difference"
    severity: str = "medium"
    title: str = ""


def reader(planted: Iterable[Planted], *, invented: Sequence[Json] = ()) -> Callable[[Json], str]:
    """`invented`: findings that it reports of every part, whatever it is shown."""
    known = list(planted)

    def answer(body: Json) -> str:
        # what follows these two is a complaint about an earlier answer
        system, shown = [each["content"] for each in body["messages"][:2]]
        if OF_PART not in system:
            return json.dumps({"same": [], "summary": f"{shown.count(': ')} findings in all."})
        texts = _texts(shown)
        found = [*(_finding(each) for each in known if _is_shown(each, texts)), *invented]
        return json.dumps({"findings": found, "summary": f"{len(found)} findings here."}, ensure_ascii=False)

    return answer


def _texts(shown: str) -> dict[int, str]:
    """By document, without anything but letters and figures."""
    texts: dict[int, str] = {}
    pieces = MARK.split(shown)
    for number, _, text in zip(pieces[1::3], pieces[2::3], pieces[3::3], strict=True):
        texts[int(number)] = texts.get(int(number), "") + text
    return {number: bare(text)[0] for number, text in texts.items()}


def _is_shown(planted: Planted, texts: dict[int, str]) -> bool:
    return any(bare(words)[0] in texts.get(number, "") for number, words in planted.words)


def _finding(planted: Planted) -> Json:
    words = [(number, " ".join(text.split())) for number, text in planted.words if text]
    return {
        "kind": planted.kind,
        "severity": planted.severity,
        "title": planted.title or words[0][1][:60],
        "explanation": "It reads otherwise in the other document.",
        "quotations": [{"document": number, "page": 1, "text": f'"{text}"'} for number, text in words],
    }
