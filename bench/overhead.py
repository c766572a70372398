"""How long from an update to the `sendMessage` of its answer, with a model that needs no time? Ours and seed (a)."""

import asyncio
import contextlib
import json
import random
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import psycopg

from bench import wire
from bench.bench_venv import bench_python
from bench.children import Command, Failed, free_port, listens, newest_worker, running, until
from bench.figures import Figure, median, milliseconds, spread, within
from bench.ground import Ground, add_people
from bench.ours import open_door, scripted_model, worker
from bench.redis_server import redis_server
from bench.updates import FIRST_USER, SECRET_HEADER, WEBHOOK, update

TITLE = "overhead: update received until sendMessage arrives, with a model that needs 0 ms"
SLOWEST_P50 = 0.040
TIMES_QUICKER = 3
PATIENCE = 20.0
WARM_UP = 10
WORKERS = {"llm worker": "llm", "telegram worker": "telegram,webhooks,housekeeping"}

# what the time between update and answer went to: by the database's clock, which is this machine's
STAGES = """
SELECT extract(epoch FROM job.created_at)::float8, extract(epoch FROM job.started_at)::float8,
       extract(epoch FROM job.finished_at)::float8, extract(epoch FROM delivery.sending_at)::float8,
       delivery.destination::bigint
  FROM jobs AS job JOIN deliveries AS delivery ON delivery.job_id = job.id
"""


@dataclass(frozen=True)
class Pace:
    """`messages` at `rate` per second; `jitter` 0 is a metronome, 1 is chance."""

    name: str
    messages: int
    rate: float
    jitter: float

    def pauses(self) -> list[float]:
        chance = random.Random(7)
        even = 1 / self.rate
        if self.jitter >= 1:
            return [chance.expovariate(self.rate) for _ in range(self.messages)]
        return [even * chance.uniform(1 - self.jitter, 1 + self.jitter) for _ in range(self.messages)]


def paces(quick: bool) -> list[Pace]:
    if quick:
        return [Pace("one each 250 ms", 30, 4, 0.4), Pace("20/s", 100, 20, 1)]
    return [Pace("one each 250 ms", 120, 4, 0.4), Pace("20/s", 300, 20, 1)]


@dataclass
class Chats:
    """The Bot API's stand-in: notes when the answer to each chat arrived."""

    arrived: dict[int, float] = field(default_factory=dict)
    waited_for: int = 0
    complete: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, path: str, body: bytes) -> bytes:
        now = time.time()
        method = path.rpartition("/")[2]
        if method != "sendMessage":
            return b'{"ok":true,"result":true}'
        chat_id = json.loads(body)["chat_id"]
        self.arrived[chat_id] = now
        if len(self.arrived) >= self.waited_for:
            self.complete.set()
        return b'{"ok":true,"result":{"message_id":1,"date":1790000000,"chat":{"id":1,"type":"private"}}}'


@dataclass(frozen=True)
class Seen:
    """By chat: when its update was posted, how long until the door's answer, when the reply arrived."""

    posted: dict[int, float]
    acknowledged: dict[int, float]
    arrived: dict[int, float]

    def seconds(self) -> list[float]:
        return [self.arrived[chat] - self.posted[chat] for chat in self.posted]


async def measure(ground: Ground) -> list[Figure]:
    wanted = paces(ground.quick)
    chats = Chats()
    async with scripted_model(ground) as llm_port, wire.serving(chats.answer) as chat_port:
        ours, explanation = await _ours(ground, wanted, chats, chat_port, llm_port)
        theirs, why_not = await _polling(ground, wanted, chats, chat_port, llm_port)
    return [*_table(wanted, ours, theirs), explanation, *why_not]


async def _ours(
    ground: Ground, wanted: list[Pace], chats: Chats, chat_port: int, llm_port: int
) -> tuple[list[Seen], Figure]:
    people = WARM_UP + sum(pace.messages for pace in wanted)
    with ground.database() as url:
        add_people(url, people)
        environment = ground.environment(
            url, TELEGRAM_API_BASE=f"http://127.0.0.1:{chat_port}", VENICE_BASE_URL=f"http://127.0.0.1:{llm_port}/v1"
        )
        async with _our_processes(ground, url, environment) as port:
            seen = await _drive(wanted, chats, port)
        stages = _stages(url, seen[0])
    return seen, stages


@contextlib.asynccontextmanager
async def _our_processes(ground: Ground, url: str, environment: dict[str, str]) -> AsyncIterator[int]:
    with contextlib.ExitStack() as stack:
        workers = [
            stack.enter_context(running(name, worker(queues), environment=environment, folder=ground.folder))
            for name, queues in WORKERS.items()
        ]
        async with open_door(ground, "webhook.app:app", environment) as (_, port):
            with psycopg.connect(url, autocommit=True) as connection:
                all_there = lambda: newest_worker(connection) >= len(WORKERS)  # noqa: E731 - used once
                await until(workers[-1], all_there, "register as a worker")
            yield port


async def _polling(
    ground: Ground, wanted: list[Pace], chats: Chats, chat_port: int, llm_port: int
) -> tuple[list[Seen], list[Figure]]:
    python = bench_python()
    async with redis_server(ground.folder, durable=False) as redis:
        if redis is None:
            return [], [Figure("seed (a): Redis and polling", "SKIPPED: redis-server is not installed")]
        if isinstance(python, str):
            return [], [Figure("seed (a): Redis and polling", f"SKIPPED: {python}")]
        port = free_port()
        environment = {
            **ground.environment(), "REDIS_PORT": str(redis.port), "LLM_PORT": str(llm_port),
            "CHAT_PORT": str(chat_port), "BOT_PORT": str(port),
        }  # fmt: skip
        with contextlib.ExitStack() as stack:
            for name in ("polling_worker", "polling_bot"):
                command: Command = [python, "-m", f"bench.rivals.{name}"]
                child = stack.enter_context(running(name, command, environment=environment, folder=ground.folder))
            await listens(child, port)
            seen = await _drive(wanted, chats, port)
    return seen, []


async def _drive(wanted: list[Pace], chats: Chats, port: int) -> list[Seen]:
    client = wire.Client("127.0.0.1", port)
    await _post_all(Pace("warm-up", WARM_UP, 4, 0), chats, client, first=0)
    first, seen = WARM_UP, []
    for pace in wanted:
        seen.append(await _post_all(pace, chats, client, first=first))
        first += pace.messages
    client.close()
    return seen


async def _post_all(pace: Pace, chats: Chats, client: wire.Client, *, first: int) -> Seen:
    """Post at the pace, whatever becomes of earlier messages, and wait for the last answer."""
    chats.arrived, chats.waited_for, chats.complete = {}, pace.messages, asyncio.Event()
    posted: dict[int, float] = {}
    acknowledged: dict[int, float] = {}

    async def post(number: int) -> None:
        chat = FIRST_USER + number
        posted[chat] = time.time()
        status, _ = await client.post(WEBHOOK, update(number), SECRET_HEADER)
        acknowledged[chat] = time.time() - posted[chat]
        if status != 200:
            raise Failed(f"An update was answered with {status}.")

    try:
        async with asyncio.timeout(pace.messages / pace.rate + PATIENCE), asyncio.TaskGroup() as group:
            for offset, pause in enumerate(pace.pauses()):
                group.create_task(post(first + offset))
                await asyncio.sleep(pause)
            await chats.complete.wait()
    except TimeoutError:
        raise Failed(f"{len(posted) - len(chats.arrived)} of {pace.messages} messages were never answered.") from None
    return Seen(posted, acknowledged, dict(chats.arrived))


def _stages(url: str, seen: Seen) -> Figure:
    with psycopg.connect(url) as connection:
        rows = connection.execute(STAGES.encode()).fetchall()
    parts: dict[str, list[float]] = {}
    for created, started, finished, sending, chat in rows:
        if chat in seen.posted:
            times = [seen.posted[chat], created, started, finished, sending, seen.arrived[chat]]
            names = ["in", "pick-up", "model and reading", "result to delivery's start", "send"]
            for name, earlier, later in zip(names, times, times[1:], strict=False):
                parts.setdefault(name, []).append(later - earlier)
    words = ", ".join(f"{name} {milliseconds(median(values))}" for name, values in parts.items())
    acknowledged = milliseconds(median(list(seen.acknowledged.values())))
    how = (
        f"medians between the first statements of the transactions that wrote created_at, started_at, finished_at and "
        f"sending_at: {words}; the door answered after {acknowledged}"
    )
    return Figure("  where ours goes, paced", "", how)


def _table(wanted: list[Pace], ours: list[Seen], theirs: list[Seen]) -> list[Figure]:
    figures = []
    for number, pace in enumerate(wanted):
        name, mine = f"ours, {pace.name}", ours[number].seconds()
        figures.append(within(name, mine, SLOWEST_P50) if number == 0 else Figure(name, spread(mine)))
        if theirs:
            other = theirs[number].seconds()
            times = median(other) / median(mine)
            figures.append(Figure(f"Redis and polling (seed a), {pace.name}", spread(other)))
            target = f"≥ {TIMES_QUICKER} times"
            figures.append(Figure("  ours is quicker at p50", f"{times:.1f} times", "", target, times >= TIMES_QUICKER))
    posted = " and ".join(f"{pace.messages} messages, {pace.name}" for pace in wanted)
    how = (
        f"{posted}, each of another known user, from the POST of the update until sendMessage has arrived at a "
        "stand-in. Ours: uvicorn webhook.app:app, a worker for llm, one for telegram, PostgreSQL durable. Seed (a): a "
        "bot and a worker with LPUSH, BRPOP, a result key and a look each 0.2 s; no aiogram, no database, Redis at its "
        "defaults, to its favour. The model is sandbox.llm.scripted in a process of its own; nothing is subtracted"
    )
    return [*figures, Figure("", "", how)]
