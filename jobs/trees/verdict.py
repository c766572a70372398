"""What do the ends of its steps mean for a tree: which open ones are of no use any more, and how does the root end?

A step without a result breaks what it is critical for: its parent, and what that one in turn is critical for.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from jobs.db.work.jobs import Job, Json
from jobs.db.work.trees import Step
from jobs.errors import PermanentError

BRANCH_FAILED = "branch_failed"
# which of several reasons is told
RANK = {"failed": 0, "expired": 1, "cancelled": 2}


@dataclass(frozen=True)
class Closing:
    """Open steps that are to end, and how: with this status, and these words."""

    ids: tuple[UUID, ...]
    status: str
    error: Json | None


@dataclass(frozen=True)
class End:
    status: str
    error: Json | None = None
    partial: bool = False


@dataclass(frozen=True)
class Verdict:
    """`end` is None as long as a step is open."""

    closings: tuple[Closing, ...] = ()
    end: End | None = None


def judge(root: Job, steps: Sequence[Step], *, overdue: Json | None) -> Verdict:
    """`overdue`: the error of a deadline that has passed."""
    below = by_parent(steps)
    if still_open := [step for step in steps if step.is_open]:
        if overdue:
            return Verdict((_closing(still_open, "expired", overdue),))
        if root.cancel_requested_at:
            return Verdict((_closing(still_open, "cancelled", None),))
        return Verdict(tuple(_useless(root.id, below)))
    statuses = {step.status for step in steps}
    if overdue and "expired" in statuses:
        return Verdict(end=End("expired", overdue))
    if root.cancel_requested_at and "cancelled" in statuses:
        return Verdict(end=End("cancelled"))
    if reason := _reason_to_fail(root.id, below):
        return Verdict(end=_end_for(reason))
    return Verdict(end=End("completed", partial=statuses != {"completed"} and bool(steps)))


def by_parent(steps: Iterable[Step]) -> Mapping[UUID, list[Step]]:
    below: dict[UUID, list[Step]] = defaultdict(list)
    for step in steps:
        below[step.parent_id].append(step)
    return dict(below)


def branch(node: UUID, below: Mapping[UUID, list[Step]]) -> list[Step]:
    """Everything below the node, each before what is below it."""
    found: list[Step] = []
    waiting = list(below.get(node, ()))
    while waiting:
        found.append(step := waiting.pop())
        waiting += below.get(step.id, ())
    return found


def reasons(root_id: UUID, below: Mapping[UUID, list[Step]]) -> dict[UUID, Step]:
    """For each node that is broken, the root too: the step because of which it is."""
    why: dict[UUID, Step] = {}
    for step in reversed(branch(root_id, below)):
        if step.status in RANK:
            why[step.id] = step
        elif reason := _worst(why[each.id] for each in below.get(step.id, ()) if each.critical and each.id in why):
            why[step.id] = reason
    if reason := _worst(why[each.id] for each in below.get(root_id, ()) if each.critical and each.id in why):
        why[root_id] = reason
    return why


def _reason_to_fail(root_id: UUID, below: Mapping[UUID, list[Step]]) -> Step | None:
    why = reasons(root_id, below)
    if root_id in why:
        return why[root_id]
    first = below.get(root_id, ())
    if first and all(step.id in why for step in first):
        # nothing of it went well, and for some of that the kind said that it had to
        return _worst(step for step in branch(root_id, below) if step.critical and step.status in RANK)
    return None


def _useless(root_id: UUID, below: Mapping[UUID, list[Step]]) -> Iterable[Closing]:
    why = reasons(root_id, below)
    seen: set[UUID] = set()
    for node in [root_id, *(step.id for step in branch(root_id, below))]:
        if node in why and (node == root_id or why[node].id != node):
            found = [step for step in branch(node, below) if step.is_open and step.id not in seen]
            seen |= {step.id for step in found}
            if found:
                yield _closing(found, "cancelled", branch_failed(why[node]))


def _worst(found: Iterable[Step]) -> Step | None:
    return min(found, key=lambda step: (_is_consequence(step), RANK[step.status]), default=None)


def _is_consequence(step: Step) -> bool:
    return step.error is not None and step.error.get("code") == BRANCH_FAILED


def branch_failed(reason: Step) -> Json:
    what = "was cancelled" if reason.status == "cancelled" else "did not succeed"
    words = f"The step {reason.stage!r}, without which this one is of no use, {what}."
    return {**PermanentError(words, code=BRANCH_FAILED).as_json(), "cause": str(reason.id)}


def _closing(steps: Sequence[Step], status: str, error: Json | None) -> Closing:
    return Closing(tuple(step.id for step in steps), status, error)


def _end_for(reason: Step) -> End:
    # a step that its owner gave up, and that the root cannot do without: so they gave up the root
    return End("cancelled") if reason.error is None else End("failed", reason.error)
