"""How quickly is an update acknowledged, beside the same handler without a database and beside an empty endpoint?"""

import asyncio
import contextlib
import json
import sys
from dataclasses import dataclass

from bench import cpu, wire
from bench.children import Child, Failed
from bench.figures import Figure, milliseconds
from bench.ground import ROOT, Ground, add_people
from bench.load import Load
from bench.ours import open_door
from bench.relay import relaying
from bench.updates import SECRET_HEADER, WEBHOOK, update

TITLE = "acknowledge: POST of an update until its answer"
CONNECTIONS = (1, 8, 50)
MOST_ROUND_TRIPS = 6
SLOWEST_P50 = 0.015
COUNTED_MESSAGES = 30
PEOPLE = 60_000


@dataclass(frozen=True)
class Door:
    name: str
    app: str
    options: tuple[str, ...] = ()


DOORS = [
    Door("empty FastAPI endpoint", "bench.doors:empty"),
    Door("our handler, no database", "bench.doors:undatabased", ("--factory",)),
    Door("ours", "webhook.app:app"),
]


@dataclass(frozen=True)
class Asked:
    """`cpu`: processor seconds that the door, and PostgreSQL, took for each update."""

    load: Load
    cpu: tuple[float, float]


async def measure(ground: Ground) -> list[Figure]:
    seconds = 2 if ground.quick else 10
    with ground.database() as url:
        add_people(url, PEOPLE)
        figures = await _round_trips(ground, url)
        loads = await _loads(ground, url, seconds)
    return [*_table(loads, seconds), *figures]


async def _loads(ground: Ground, url: str, seconds: float) -> dict[tuple[str, int], Asked]:
    """All doors stand all the time and are asked in turns, so that they meet the same machine."""
    environment = ground.environment(url)
    loads = {}
    next_update = 1000
    async with contextlib.AsyncExitStack() as stack:
        opened = [
            await stack.enter_async_context(open_door(ground, door.app, environment, *door.options)) for door in DOORS
        ]
        for connections in CONNECTIONS:
            for door, (child, port) in zip(DOORS, opened, strict=True):
                before = _spent(ground, child)
                load = await _load(ground, port, connections, seconds, next_update)
                each = [
                    (after - earlier) / load.all for after, earlier in zip(_spent(ground, child), before, strict=True)
                ]
                loads[door.name, connections] = Asked(load, (each[0], each[1]))
                # updates that are answered without a database leave no user used
                if door is DOORS[-1]:
                    next_update = load.next
        if next_update > PEOPLE:
            raise Failed("There were not enough users for so quick a door; raise PEOPLE in bench/acknowledge.py.")
    return loads


def _spent(ground: Ground, door: Child) -> tuple[float, float]:
    assert ground.postgres.process is not None, "started by us"
    return cpu.of_group(door.pid), cpu.of_children(ground.postgres.process.pid)


async def _load(ground: Ground, port: int, connections: int, seconds: float, first: int) -> Load:
    command = [
        sys.executable, "-m", "bench.load", f"--port={port}", f"--connections={connections}", f"--seconds={seconds}",
        f"--first={first}",
    ]  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, stdout=asyncio.subprocess.PIPE, env=ground.environment()
    )
    try:
        output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    if process.returncode:
        raise Failed("The load generator failed; its words are above.")
    told = json.loads(output)
    refused = {status: count for status, count in told["statuses"].items() if status != "200"}
    if refused:
        raise Failed(f"Not every update was answered with 200: {refused}")
    return Load(**told)


async def _round_trips(ground: Ground, url: str) -> list[Figure]:
    async with relaying(ground.postgres.port) as relay:
        through = url.replace(f":{ground.postgres.port}/", f":{relay.port}/")
        async with open_door(ground, DOORS[-1].app, ground.environment(through)) as (_, port):
            client = wire.Client("127.0.0.1", port)
            counts = []
            for number in range(COUNTED_MESSAGES):
                before = relay.round_trips
                status, _ = await client.post(WEBHOOK, update(number), SECRET_HEADER)
                if status != 200:
                    raise Failed(f"The webhook app answered {status} to a plain text message.")
                counts.append(relay.round_trips - before)
            client.close()
    # the first ones open connections and prepare statements
    warm = counts[COUNTED_MESSAGES // 2 :]
    worst = max(warm)
    how = (
        f"Query, Sync and Flush messages counted in a relay between app and PostgreSQL, {len(warm)} messages of known "
        f"users on a warm connection, worst of them; the very first message took {counts[0]}"
    )
    return [
        Figure(
            "round trips of a plain text message", str(worst), how, f"≤ {MOST_ROUND_TRIPS}", worst <= MOST_ROUND_TRIPS
        )
    ]


def _table(loads: dict[tuple[str, int], Asked], seconds: float) -> list[Figure]:
    figures = []
    empty, undatabased, ours = (door.name for door in DOORS)
    for connections in CONNECTIONS:
        figures += [_figure(name, connections, loads[name, connections]) for name in (empty, undatabased, ours)]
        mine = loads[ours, connections].load.rate
        ratios = [f"{mine / loads[other, connections].load.rate:.2f} of {other}" for other in (undatabased, empty)]
        figures.append(Figure(f"  ratio of rates, {connections} conn.", ", ".join(ratios)))
    how = (
        "`uvicorn webhook.app:app`, one process; closed loop of keep-alive connections from a process of its own, "
        f"{seconds:g} s after 1 s of warm-up; every update is new, of another known user, and becomes a job; each "
        "commit is durable. In brackets the processor time per update in the app and in PostgreSQL, and the "
        "generator's share of a core: all of them share the cores"
    )
    figures.append(Figure("", "", how))
    return figures


def _figure(name: str, connections: int, asked: Asked) -> Figure:
    load, (door, database) = asked.load, asked.cpu
    spent = f"[{milliseconds(door)} + {milliseconds(database)}; {load.cpu:.0%}]"
    value = f"{load.rate:.0f}/s  p50 {milliseconds(load.p50)}  p99 {milliseconds(load.p99)}  {spent}"
    judged = name == DOORS[-1].name and connections == 8
    target = f"p50 ≤ {milliseconds(SLOWEST_P50)}" if judged else ""
    return Figure(f"{name}, {connections} conn.", value, "", target, load.p50 <= SLOWEST_P50 if judged else None)
