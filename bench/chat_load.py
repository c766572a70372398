"""`python -m bench.chat_load [--quick]`: a thousand people write to the bot at once. Is each answered once, in order?

Ends with 1 if anything was lost, doubled, out of order, or not paid exactly once.
"""

import argparse
import asyncio
import signal
import sys
import time
from dataclasses import replace

from bench import ground, machine
from bench.chat_load_round import Came, Round
from bench.chat_load_scene import play
from bench.chat_load_table import complaints, table
from bench.children import Failed
from jobs.errors import Misconfigured

PEOPLE, PEOPLE_QUICK = 1000, 100
ROUNDS = (
    Round("calm", PEOPLE),
    Round("flood limit", PEOPLE, limits=True),
    Round("killed", PEOPLE, faults=True),
    Round("killed+limit", PEOPLE, limits=True, faults=True),
)


async def run(people: int, names: list[str], *, quick: bool) -> list[Came]:
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, _cancel, asyncio.current_task())
    came = []
    with ground.prepared(quick=quick) as ready:
        for line in machine.facts(ready.postgres.url(), ready.folder):
            print(line, flush=True)
        for each in ROUNDS:
            if each.name in names:
                _tell_disturbance(await asyncio.to_thread(machine.busy_share))
                print(f"  {each.name}, {people} people …", end="", flush=True)
                started = time.monotonic()
                came.append(await play(ready, replace(each, people=people)))
                print(f" {time.monotonic() - started:.0f} s", flush=True)
    return came


def _tell_disturbance(busy: float) -> None:
    if busy > machine.DISTURBED:
        print(f"  DISTURBED: {busy:.0%} of the cores were busy with something else before it began", flush=True)


def _cancel(task: "asyncio.Task[object] | None") -> None:
    if task:
        task.cancel()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.chat_load", description=__doc__)
    names = [each.name for each in ROUNDS]
    parser.add_argument("--quick", action="store_true", help=f"{PEOPLE_QUICK} people instead of {PEOPLE}")
    parser.add_argument("--people", type=int, help="any other number of them")
    parser.add_argument("--round", action="append", choices=names, help="only this one; may be given several times")
    options = parser.parse_args()
    people = options.people or (PEOPLE_QUICK if options.quick else PEOPLE)
    try:
        came = asyncio.run(run(people, options.round or names, quick=options.quick))
    except (Failed, Misconfigured) as error:
        sys.exit(f"load: {error}")
    except (KeyboardInterrupt, asyncio.CancelledError):
        sys.exit("load: interrupted; its processes and data are gone")
    print(table(came))
    wrong = [line for each in came for line in complaints(each)]
    if wrong:
        sys.exit("\n".join(["NOT AS IT SHOULD BE:", *wrong]))
    doubtful = sum(len(each.verdict.in_doubt) for each in came)
    but = f", but {doubtful} whose answers are recorded as unknown and did not arrive" if doubtful else ""
    print(f"Every message was answered once and in order, and every answer paid for once{but}.")


if __name__ == "__main__":
    main()
