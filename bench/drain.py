"""How many jobs a second does one llm worker do with a model that needs no time, beside bare queues?"""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import psycopg

from bench import celery_contest, variants
from bench.children import Command, Failed, running
from bench.drained import Drained, middle, watch
from bench.figures import Figure, milliseconds
from bench.ground import STOCK_TEMPLATE, TEMPLATE, Ground
from bench.ours import open_intake, scripted_model, worker
from bench.updates import TEXT
from jobs.db.session import Database
from jobs.kinds.contract import NewJob
from jobs.settings import DatabaseSettings

TITLE = "drain: jobs per second of one worker with a full queue"
LEAST_SHARE = 0.5
CONCURRENCY = 10
IN_ONE_TRANSACTION = 50
MORE_TICKETS = 5

DEFER = """
SELECT procrastinate_defer_jobs_v1(array_agg(
           ROW ('llm', 'noop', 0, NULL, NULL, '{}'::jsonb, NULL)::procrastinate_job_to_defer_v1))
  FROM generate_series(1, %s)
"""
OPEN_TICKETS = "SELECT count(*) FROM procrastinate_jobs WHERE queue_name = 'llm' AND status IN ('todo', 'doing')"
NOT_COMPLETED = "SELECT count(*) FROM jobs WHERE status <> 'completed'"

CHAT = {"telegram": {"chat_id": 1, "locale": "en"}}
REPLY = NewJob("generate_reply", {"persona": "lina", "user_message": TEXT}, "api:bench")
REPLY_FOR_A_CHAT = NewJob("generate_reply", REPLY.input, "telegram:1", destination=CHAT)
NOTHING = NewJob(variants.KIND, {"user_message": TEXT}, "api:bench")


@dataclass(frozen=True)
class Scene:
    """What all contestants share. `jobs`: how many each has to do."""

    ground: Ground
    jobs: int
    llm_port: int


Contest = Callable[[Scene], Awaitable[Drained | str]]


async def measure(ground: Ground) -> list[Figure]:
    jobs, rounds = (400, 1) if ground.quick else (2000, 3)
    wanted = JUDGED if ground.quick else list(CONTESTS)
    drained: dict[str, list[Drained]] = {}
    skipped: dict[str, str] = {}
    async with scripted_model(ground) as llm_port:
        for _ in range(rounds):
            # in turns: the machine is never the same for long
            for name in wanted:
                made = await CONTESTS[name](Scene(ground, jobs, llm_port))
                if isinstance(made, str):
                    skipped[name] = made
                else:
                    drained.setdefault(name, []).append(made)
    return _table({name: middle(each) for name, each in drained.items()}, skipped, jobs, rounds)


async def stock(scene: Scene) -> Drained:
    command: Command = worker("llm", f"--concurrency={CONCURRENCY}", app="bench.rivals.stock.app")
    with scene.ground.database(STOCK_TEMPLATE) as url:
        return await _noop(scene, url, [command[0], "--log-level=warning", *command[1:]])


async def our_noop(scene: Scene) -> Drained:
    # so quick that fewer would be over before they are counted
    scene = replace(scene, jobs=scene.jobs * MORE_TICKETS)
    with scene.ground.database(TEMPLATE) as url:
        return await _noop(scene, url, worker("llm", f"--concurrency={CONCURRENCY}", app="bench.variants.app"))


async def our_empty_kind(scene: Scene) -> Drained:
    return await _our_jobs(scene, "bench.variants.app", NOTHING)


async def ours(scene: Scene) -> Drained:
    return await _our_jobs(scene, "jobs.worker.app", REPLY)


async def two_of_ours(scene: Scene) -> Drained:
    return await _our_jobs(scene, "jobs.worker.app", REPLY, workers=2)


async def ours_for_a_chat(scene: Scene) -> Drained:
    return await _our_jobs(scene, "jobs.worker.app", REPLY_FOR_A_CHAT)


async def celery_processes(scene: Scene) -> Drained | str:
    return await celery_contest.drain(scene.ground, scene.jobs, scene.llm_port, "prefork", CONCURRENCY)


async def celery_threads(scene: Scene) -> Drained | str:
    return await celery_contest.drain(scene.ground, scene.jobs, scene.llm_port, "threads", CONCURRENCY)


STOCK, OURS = "stock procrastinate, a task that does nothing", "ours, generate_reply"
PREFORK, THREADS = "Celery + Redis, same call, 10 processes", "Celery + Redis, same call, 10 threads"
CONTESTS: dict[str, Contest] = {
    STOCK: stock,
    OURS: ours,
    PREFORK: celery_processes,
    THREADS: celery_threads,
    "ours, generate_reply, two workers": two_of_ours,
    "ours, generate_reply for a chat": ours_for_a_chat,
    "ours, a kind without provider": our_empty_kind,
    "ours, a ticket that does nothing": our_noop,
}
JUDGED = [STOCK, OURS, PREFORK, THREADS]


async def _noop(scene: Scene, url: str, command: Command) -> Drained:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(DEFER.encode(), (scene.jobs,))
    return await _work_off(scene, url, [command])


async def _our_jobs(scene: Scene, app: str, pattern: NewJob, *, workers: int = 1) -> Drained:
    command = worker("llm", f"--concurrency={CONCURRENCY}", app=app)
    with scene.ground.database(TEMPLATE) as url:
        await _submit(url, pattern, scene.jobs)
        drained = await _work_off(scene, url, [command] * workers)
        with psycopg.connect(url) as connection:
            failed = _number(connection, NOT_COMPLETED)
    if failed:
        raise Failed(f"{failed} of {scene.jobs} jobs did not complete.")
    return drained


async def _work_off(scene: Scene, url: str, commands: Sequence[Command]) -> Drained:
    environment = scene.ground.environment(url, VENICE_BASE_URL=f"http://127.0.0.1:{scene.llm_port}/v1")
    with psycopg.connect(url, autocommit=True) as connection, ExitStack() as stack:
        connection.execute(b"VACUUM ANALYZE")
        connection.execute(b"CHECKPOINT")
        started = [
            running(f"llm-worker-{number}", command, environment=environment, folder=scene.ground.folder)
            for number, command in enumerate(commands)
        ]
        children = [stack.enter_context(each) for each in started]
        done = lambda: scene.jobs - _number(connection, OPEN_TICKETS)  # noqa: E731 - used once
        return await watch(scene.ground, children, done, scene.jobs)


async def _submit(url: str, pattern: NewJob, count: int) -> None:
    database = Database(DatabaseSettings(database_url=url))
    intake = open_intake()
    try:
        for first in range(0, count, IN_ONE_TRANSACTION):
            async with database.transaction() as connection:
                for _ in range(min(IN_ONE_TRANSACTION, count - first)):
                    new = NewJob(pattern.kind, pattern.input, pattern.owner, destination=pattern.destination)
                    await intake.submit(connection, new)
    finally:
        await database.aclose()


def _number(connection: "psycopg.Connection[tuple[Any, ...]]", query: str) -> int:
    row = connection.execute(query.encode()).fetchone()
    assert row is not None, "an aggregate has a row"
    return int(row[0])


def _table(drained: dict[str, Drained], skipped: dict[str, str], jobs: int, rounds: int) -> list[Figure]:
    figures = [Figure(name, _value(drained[name])) for name in CONTESTS if name in drained]
    figures += [Figure(name, f"SKIPPED: {reason}") for name, reason in skipped.items()]
    rate, bare = drained[OURS].rate, drained[STOCK].rate
    target = f"≥ {LEAST_SHARE:.0%}"
    figures.append(
        Figure("  ours of stock procrastinate", f"{rate / bare:.0%}", "", target, rate >= LEAST_SHARE * bare)
    )
    celery = max((drained[name].rate for name in (PREFORK, THREADS) if name in drained), default=None)
    if celery:
        figures.append(Figure("  ours of the better Celery", f"{rate / celery:.0%}", "", "≥ 100%", rate >= celery))
    how = (
        f"{jobs} jobs submitted before the worker starts, concurrency {CONCURRENCY}, median of {rounds} round(s) in "
        "turns; from the first finished job to the last one. In brackets the processor time per job in the worker and "
        "in PostgreSQL and Redis. Ours: `procrastinate --app=jobs.worker.app worker --queues=llm`; claim, call, "
        "result, events and ticket all in a durable PostgreSQL. Celery: acks_late, Redis with appendfsync always, one "
        "INSERT of the result in the task; no job row, no status, no event. The model is sandbox.llm.scripted, in a "
        "process of its own on the same cores"
    )
    return [*figures, Figure("", "", how)]


def _value(drained: Drained) -> str:
    return f"{drained.rate:.0f}/s  [{milliseconds(drained.worker)} + {milliseconds(drained.stores)}]"
