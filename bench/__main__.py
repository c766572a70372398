"""`python -m bench [NAME…] [--quick]`: measure on this machine, and print each figure with its method beside it."""

import argparse
import asyncio
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from types import ModuleType

from bench import (
    acknowledge,
    analyses,
    api_accept,
    api_events,
    api_start,
    api_webhooks,
    documents,
    drain,
    ground,
    guard,
    isolation,
    lanes,
    machine,
    overhead,
    reports,
    start,
    trees,
    worlds,
)
from bench.children import Failed
from bench.figures import Figure, lines, verdicts
from bench.ground import Ground
from jobs.errors import Misconfigured

MEASUREMENTS: dict[str, ModuleType] = {
    "acknowledge": acknowledge,
    "overhead": overhead,
    "start": start,
    "drain": drain,
    "isolation": isolation,
    "lanes": lanes,
    "api_accept": api_accept,
    "api_start": api_start,
    "api_events": api_events,
    "api_webhooks": api_webhooks,
    "guard": guard,
    "trees": trees,
    "documents": documents,
    "reports": reports,
    "analyses": analyses,
    "worlds": worlds,
}
GROUPS = {"api": ["api_accept", "api_start", "api_events", "api_webhooks"]}
# take minutes by themselves: only for who asks for them
BY_NAME_ONLY = ["lanes", "guard", "trees", "documents", "reports", "analyses", "worlds", *GROUPS["api"]]


async def run(names: list[str], *, quick: bool) -> list[Figure]:
    figures: list[Figure] = []
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, _cancel, asyncio.current_task())
    with ground.prepared(quick=quick) as ready:
        for line in machine.facts(ready.postgres.url(), ready.folder):
            print(line, flush=True)
        for name in names:
            figures += await _measured(MEASUREMENTS[name], ready)
    return figures


async def _measured(measurement: ModuleType, ready: Ground) -> list[Figure]:
    print(f"\n{measurement.TITLE}", flush=True)
    busy = await asyncio.to_thread(machine.busy_share)
    if busy > machine.DISTURBED:
        print(f"  DISTURBED: {busy:.0%} of the cores were busy with something else before it began", flush=True)
    started = time.monotonic()
    measure: Callable[[Ground], Awaitable[list[Figure]]] = measurement.measure
    figures = await measure(ready)
    for line in lines(figures):
        print(line, flush=True)
    print(f"  ({time.monotonic() - started:.0f} s)", flush=True)
    return figures


def _cancel(task: "asyncio.Task[object] | None") -> None:
    if task:
        task.cancel()


def _chosen(names: list[str]) -> list[str]:
    """What the names stand for, each once."""
    if not names:
        return [name for name in MEASUREMENTS if name not in BY_NAME_ONLY]
    return list(dict.fromkeys(each for name in names for each in GROUPS.get(name, [name])))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    known = ", ".join([*MEASUREMENTS, *GROUPS])
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"of: {known} (default: all but {', '.join(BY_NAME_ONLY)})"
    )
    parser.add_argument("--quick", action="store_true", help="shorter and rougher, within three minutes")
    options = parser.parse_args()
    unknown = set(options.names) - {*MEASUREMENTS, *GROUPS}
    if unknown:
        parser.error(f"there is no {', '.join(sorted(unknown))}; choose from {known}")
    started = time.monotonic()
    try:
        figures = asyncio.run(run(_chosen(options.names), quick=options.quick))
    except (Failed, Misconfigured) as error:
        sys.exit(f"bench: {error}")
    except (KeyboardInterrupt, asyncio.CancelledError):
        sys.exit("bench: interrupted; its processes and data are gone")
    print(f"\n{verdicts(figures)}\nin {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
