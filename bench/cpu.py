"""How much processor time did processes use? Unlike a rate, it hardly depends on what else the machine does."""

import os
from dataclasses import dataclass
from pathlib import Path

TICK = 1 / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Usage:
    parent: int
    group: int
    seconds: float
    # of children that have ended
    inherited: float


def of_group(pid: int) -> float:
    """Seconds used by the process group that `pid` leads."""
    return sum(usage.seconds + usage.inherited for usage in _all().values() if usage.group == pid)


def of_children(pid: int) -> float:
    """Seconds used by `pid` and its children: PostgreSQL's make groups of their own."""
    usages = _all()
    alive = sum(usage.seconds for usage in usages.values() if usage.parent == pid)
    return alive + usages[pid].seconds + usages[pid].inherited


def _all() -> dict[int, Usage]:
    found = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has just ended
        ticks = [int(field) for field in fields[11:15]]
        found[int(path.parent.name)] = Usage(
            int(fields[1]), int(fields[2]), sum(ticks[:2]) * TICK, sum(ticks[2:]) * TICK
        )
    return found
