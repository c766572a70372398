"""How far an analysis is, in words."""

from dataclasses import dataclass
from typing import Protocol

from jobs.companion.wording import say
from jobs.db.work.jobs import Json


class Going(Protocol):
    @property
    def status(self) -> str: ...

    @property
    def progress(self) -> Json: ...


@dataclass(frozen=True)
class ProgressWords:
    done: float
    total: float
    words: str


def progress_words(locale: str, going: Going) -> ProgressWords | None:
    """None where there is nothing to tell."""
    if going.status != "processing":
        return None
    progress = going.progress
    done, total = float(progress.get("done") or 0), float(progress.get("total") or 1)
    patterns = stage_patterns(locale)
    stages = {each["stage"]: each for each in progress.get("stages", [])}
    stage = progress.get("stage") if progress.get("stage") in patterns else "parts"
    counts = stages.get(stage, {"done": 0, "planned": 0})
    ended = counts["done"] + counts.get("failed", 0)
    filled = patterns[str(stage)].replace("{done}", str(ended)).replace("{total}", str(counts["planned"]))
    return ProgressWords(done, total, filled if counts["planned"] else say(locale, "pages.stage_split"))


def stage_patterns(locale: str) -> dict[str, str]:
    """By stage, with places for what a script fills in."""
    return {
        "parts": say(locale, "pages.stage_parts", done="{done}", total="{total}"),
        "merge": say(locale, "pages.stage_merge"),
        "report": say(locale, "pages.stage_report"),
    }
