"""How far a tree is, by stage, and what it lacks at its end: as its root's `progress` reads."""

from collections.abc import Sequence

from jobs.db.work.jobs import Json
from jobs.db.work.trees import Count, Step
from jobs.kinds.contract import NewJob

# enough to look at; the tree has all of them
MOST_NAMED = 10


def progress(counts: Sequence[Count], missing: Sequence[Json] = ()) -> Json:
    """`stage`: the first in which something is still open, the last one at the end."""
    going = [each for each in counts if each.done + each.failed < each.planned] or list(counts)[-1:]
    return {
        "done": sum(each.done + each.failed for each in counts),
        "total": sum(each.planned for each in counts),
        "stage": going[0].stage if going else None,
        "stages": [
            {"stage": each.stage, "planned": each.planned, "done": each.done, "failed": each.failed} for each in counts
        ],
        "missing": list(missing),
    }


def planned(children: Sequence[NewJob]) -> list[Count]:
    """Before any of them has begun."""
    stages = [child.stage or child.kind for child in children]
    return [Count(stage, stages.count(stage), 0, 0) for stage in dict.fromkeys(stages)]


def count(steps: Sequence[Step]) -> list[Count]:
    return [_count(stage, of_stage) for stage, of_stage in _by_stage(steps).items()]


def missing(steps: Sequence[Step]) -> list[Json]:
    """What ended without a result: by stage how many, the first of them, and what went wrong with the first."""
    lacking = _by_stage([step for step in steps if step.status not in ("pending", "processing", "completed")])
    return [
        {
            "stage": stage,
            "count": len(found),
            "jobs": [str(step.id) for step in found[:MOST_NAMED]],
            "error": found[0].error,
        }
        for stage, found in lacking.items()
    ]


def _by_stage(steps: Sequence[Step]) -> dict[str, list[Step]]:
    found: dict[str, list[Step]] = {}
    for step in steps:
        found.setdefault(step.stage, []).append(step)
    return found


def _count(stage: str, steps: Sequence[Step]) -> Count:
    done = sum(step.status == "completed" for step in steps)
    still_open = sum(step.is_open for step in steps)
    return Count(stage, len(steps), done, len(steps) - done - still_open)
