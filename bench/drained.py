"""Watches a worker empty its queue: the rate, and the processor time that each job took."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench import cpu
from bench.children import Child, until
from bench.figures import median
from bench.ground import Ground

PATIENCE = 180.0
LOOK_SECONDS = 0.02


@dataclass(frozen=True)
class Drained:
    """`rate` in jobs per second; processor seconds per job in the worker(s), and in what keeps the data."""

    rate: float
    worker: float
    stores: float


async def watch(
    ground: Ground, workers: Sequence[Child], done: Callable[[], int], jobs: int, *, stores: Sequence[Child] = ()
) -> Drained:
    """From the moment that the first job is seen to be done until all are. `stores`: others than PostgreSQL."""

    def spent() -> tuple[float, float]:
        assert ground.postgres.process is not None, "started by us"
        kept = cpu.of_children(ground.postgres.process.pid) + sum(cpu.of_group(store.pid) for store in stores)
        return sum(cpu.of_group(worker.pid) for worker in workers), kept

    await until(workers[0], done, "finish its first job", patience=PATIENCE, pause=LOOK_SECONDS)
    first, started, (worker_before, stores_before) = done(), time.perf_counter(), spent()
    await until(workers[0], lambda: done() >= jobs, "finish", patience=PATIENCE, pause=LOOK_SECONDS)
    ended, (worker_after, stores_after) = time.perf_counter(), spent()
    count = jobs - first
    return Drained(
        count / (ended - started), (worker_after - worker_before) / count, (stores_after - stores_before) / count
    )


def middle(rounds: Sequence[Drained]) -> Drained:
    return Drained(
        median([drained.rate for drained in rounds]),
        median([drained.worker for drained in rounds]),
        median([drained.stores for drained in rounds]),
    )
