"""On what machine were the figures taken, and how busy was it with other things just before?"""

import os
import platform
import time
from pathlib import Path

import psycopg

from bench.figures import median, milliseconds

PAGE = b"\0" * 8192
SYNCS = 40
# of all cores together, before a measurement has started anything
DISTURBED = 0.15


def facts(database_url: str, folder: Path) -> list[str]:
    with psycopg.connect(database_url) as connection:

        def show(name: str) -> str:
            row = connection.execute(f"SHOW {name}".encode()).fetchone()
            assert row is not None, "a setting has a value"
            return str(row[0])

        database = f"PostgreSQL {show('server_version')}, fsync {show('fsync')}, synchronous_commit "
        database += f"{show('synchronous_commit')}, shared_buffers {show('shared_buffers')}"
    return [
        f"{cores()} cores, {processor()}, {memory_gib():.0f} GiB, {platform.system()} {platform.release()}",
        f"Python {platform.python_version()}, {database}",
        f"one fsync of 8 kB beside the database: p50 {milliseconds(sync_seconds(folder))}",
    ]


def cores() -> int:
    return len(os.sched_getaffinity(0))


def processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def memory_gib() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


def sync_seconds(folder: Path) -> float:
    """How long the disk takes to make one page durable: a commit can be no quicker."""
    seconds = []
    path = folder / "fsync-probe"
    with path.open("wb", buffering=0) as file:
        for _ in range(SYNCS):
            file.write(PAGE)
            started = time.perf_counter()
            os.fsync(file.fileno())
            seconds.append(time.perf_counter() - started)
    path.unlink()
    return median(seconds)


def busy_share(seconds: float = 1.0) -> float:
    """The part of all cores that somebody used, or that the host took away, in the next so many seconds."""
    before = _times()
    time.sleep(seconds)
    spent = [after - earlier for after, earlier in zip(_times(), before, strict=True)]
    idle = spent[3] + spent[4]
    return 1 - idle / max(1, sum(spent))


def _times() -> list[int]:
    """user, nice, system, idle, iowait, irq, softirq, steal, in ticks since the start of the machine."""
    return [int(field) for field in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
