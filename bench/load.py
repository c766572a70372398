"""The load generator: a process of its own that posts updates as fast as it is answered, on so many connections.

`python -m bench.load --port 8001 --connections 8 --seconds 10` prints one JSON object. Every update is another user's.
"""

import argparse
import asyncio
import json
import time
from collections import Counter
from dataclasses import asdict, dataclass, field

import uvloop

from bench import wire
from bench.figures import percentile
from bench.updates import post


@dataclass(frozen=True)
class Load:
    """`rate` in answers per second; `cpu` is the generator's own share of one core; `next` the first unused update.

    `all` counts the warm-up's answers too.
    """

    rate: float
    p50: float
    p99: float
    answers: int
    cpu: float
    next: int
    statuses: dict[int, int]
    all: int


@dataclass
class Run:
    counted_from: float
    until: float
    next: int
    seconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)

    async def post_until_the_end(self, connection: wire.Connection) -> None:
        while (started := time.perf_counter()) < self.until:
            number, self.next = self.next, self.next + 1
            status, _ = await connection.send(post(number))
            ended = time.perf_counter()
            if started >= self.counted_from and ended <= self.until:
                self.seconds.append(ended - started)
                self.statuses[status] += 1


async def generate(port: int, connections: int, seconds: float, first: int, warm_up: float) -> Load:
    opened = [await wire.connect("127.0.0.1", port) for _ in range(connections)]
    counted_from = time.perf_counter() + warm_up
    run = Run(counted_from, counted_from + seconds, first)
    cpu = time.process_time()
    await asyncio.gather(*(run.post_until_the_end(connection) for connection in opened))
    share = (time.process_time() - cpu) / (seconds + warm_up)
    for connection in opened:
        connection.close()
    return Load(
        len(run.seconds) / seconds, percentile(run.seconds, 0.5), percentile(run.seconds, 0.99), len(run.seconds),
        share, run.next, dict(run.statuses), run.next - first,
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.load", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--warm-up", type=float, default=1)
    parser.add_argument("--first", type=int, default=0, help="the number of the first update")
    options = parser.parse_args()
    made = uvloop.run(generate(options.port, options.connections, options.seconds, options.first, options.warm_up))
    print(json.dumps(asdict(made)))


if __name__ == "__main__":
    main()
