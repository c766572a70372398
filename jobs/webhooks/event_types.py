"""Which events can a webhook tell of, and does a filter want one? A filter names types, or all of them with a `*`."""

from collections.abc import Iterable, Sequence

from jobs.errors import InvalidInput

TERMINAL = ("job.completed", "job.failed", "job.cancelled", "job.expired")
CHANGES = (
    "job.created", "job.started", "job.progress", "job.retrying", "job.requeued", "job.cancelling",
    "job.retried",
)  # fmt: skip
FAILING = "endpoint.failing"
TEST = "test"
ALL = (*CHANGES, *TERMINAL, FAILING)
# what a filter that nobody set wants: how each job ended, and that another endpoint is in trouble
DEFAULT = (*TERMINAL, FAILING)
MOST = 20


def names_of(event: str) -> list[str]:
    """What may stand in a filter that wants this event."""
    return [event, f"{event.partition('.')[0]}.*", "*"]


def is_wanted(event: str, names: Iterable[str]) -> bool:
    return not set(names).isdisjoint(names_of(event))


def checked(names: Sequence[str] | None, pointer: str = "/events") -> list[str]:
    """The filter without repetitions. Raises InvalidInput for a name that never matches anything."""
    if names is None:
        return list(DEFAULT)
    known = {*ALL, *(f"{event.partition('.')[0]}.*" for event in ALL), "*"}
    wrong = [f"There is no event {name[:100]!r}." for name in names if name not in known]
    if not names:
        wrong = ["Name at least one event, or leave the field away for those that end a job."]
    if wrong:
        detail = f"{wrong[0]} Events: {', '.join(sorted(known))}."
        raise InvalidInput(detail, code="unknown_event", errors=[{"pointer": pointer, "detail": wrong[0]}])
    return list(dict.fromkeys(names))
