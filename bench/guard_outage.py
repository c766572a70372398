"""A thousand jobs through a provider that fails at random and is away for ten seconds: does each of them end once?"""

import asyncio
import contextlib
import random
import time
from collections import Counter
from dataclasses import dataclass, field

import psycopg
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from bench.children import Child, Failed, newest_worker, running, until
from bench.figures import Figure
from bench.ground import Ground
from bench.ours import REPLY, open_intake, worker
from bench.updates import TEXT
from jobs.db.provider.provider_gate import BreakerRules
from jobs.db.session import Database
from jobs.kinds.contract import NewJob
from jobs.settings import DatabaseSettings
from sandbox.serve import serving

WORKERS = 4
OUTAGE = 10.0
FAILS = 0.3
ANSWERS_AFTER = 0.05
SLOTS = 15
DAILY_CALLS = 5000
# one less than the tries of a reply: a few jobs meet it
CALLS_PER_JOB = 3
IN_ONE_TRANSACTION = 50
PATIENCE = 300.0
ENDED = "SELECT count(*) FROM jobs WHERE status IN ('completed', 'failed')"
MOST_FOR_ONE = "SELECT max(calls) FROM (SELECT count(*) AS calls FROM provider_calls GROUP BY job_id) AS of_jobs"
SPENT = "SELECT count(*) FROM jobs WHERE error ->> 'code' = 'budget_spent'"
JOB = NewJob("generate_reply", {"persona": "lina", "user_message": TEXT}, "api:bench")


@dataclass
class Unreliable:
    """The provider: notes when it was called, and what it said."""

    chance: random.Random = field(default_factory=lambda: random.Random(7))
    is_down: bool = False
    calls: list[tuple[float, int]] = field(default_factory=list)
    under_way: int = 0
    most: int = 0

    @property
    def app(self) -> Starlette:
        return Starlette(routes=[Route("/v1/chat/completions", self._answer, methods=["POST"])])

    async def _answer(self, request: Request) -> JSONResponse:
        await request.body()
        came, is_down = time.monotonic(), self.is_down
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        await asyncio.sleep(ANSWERS_AFTER)
        self.under_way -= 1
        status = 503 if is_down or self.chance.random() < FAILS else 200
        self.calls.append((came, status))
        if status != 200:
            return JSONResponse({"error": "at capacity"}, status)
        message = {"role": "assistant", "content": REPLY}
        usage = {"prompt_tokens": 20, "completion_tokens": 9}
        return JSONResponse({"choices": [{"message": message, "finish_reason": "stop"}], "usage": usage})


@dataclass(frozen=True)
class Ended:
    """`trips`: how often the breaker opened in the outage. `counted`: calls by the budget's own account.

    `most_for_one`: the most calls of any job, `spent`: jobs that had used up all that they may.
    """

    statuses: Counter[str]
    completions: int
    counted: int
    trips: int
    during: int
    most_for_one: int
    spent: int
    seconds: float


async def measure(ground: Ground) -> list[Figure]:
    jobs, provider = 300 if ground.quick else 1000, Unreliable()
    async with serving(provider.app) as address:
        with ground.database() as url:
            environment = ground.environment(
                url,
                VENICE_BASE_URL=f"{address}/v1",
                MAX_CONCURRENT_LLM_REQUESTS=SLOTS,
                VENICE_DAILY_CALLS=DAILY_CALLS,
                MAX_LLM_CALLS_PER_JOB=CALLS_PER_JOB,
            )
            await _submit(url, jobs)
            with contextlib.ExitStack() as stack:
                command = worker("llm")
                workers = [
                    stack.enter_context(
                        running(f"worker {number}", command, environment=environment, folder=ground.folder)
                    )
                    for number in range(WORKERS)
                ]
                with psycopg.connect(url, autocommit=True) as connection:
                    ended = await _watch(connection, workers, provider, jobs)
    return _figures(provider, ended, jobs)


async def _submit(url: str, jobs: int) -> None:
    intake, database = open_intake(), Database(DatabaseSettings(database_url=url))
    for _ in range(jobs // IN_ONE_TRANSACTION):
        async with database.transaction() as connection:
            for _ in range(IN_ONE_TRANSACTION):
                await intake.submit(connection, NewJob(JOB.kind, JOB.input, JOB.owner))
    await database.aclose()


async def _watch(
    connection: "psycopg.Connection[tuple[object, ...]]", workers: list[Child], provider: Unreliable, jobs: int
) -> Ended:
    def number(query: str) -> int:
        row = connection.execute(query.encode()).fetchone()
        return int(str(row[0])) if row else 0

    await until(workers[-1], lambda: newest_worker(connection) >= WORKERS, "register as a worker")
    started = time.monotonic()
    await until(workers[0], lambda: number(ENDED) >= jobs // 5, "finish the first jobs", patience=PATIENCE)
    provider.is_down, went = True, time.monotonic()
    trips = 0
    while time.monotonic() < went + OUTAGE:
        trips = max(trips, number("SELECT trips FROM providers WHERE name = 'venice'"))
        await asyncio.sleep(0.05)
    provider.is_down, back = False, time.monotonic()
    await until(workers[0], lambda: number(ENDED) >= jobs, "finish", patience=PATIENCE)
    statuses: Counter[str] = Counter()
    for status, count in connection.execute("SELECT status, count(*) FROM jobs GROUP BY status"):
        statuses[str(status)] = int(str(count))
    completions = number("SELECT count(*) FROM job_events WHERE type = 'job.completed'")
    counted = number("SELECT sum(calls) FROM provider_days")
    during = sum(went <= came < back for came, _ in provider.calls)
    most_for_one, spent = number(MOST_FOR_ONE), number(SPENT)
    return Ended(statuses, completions, counted, trips, during, most_for_one, spent, time.monotonic() - started)


def _figures(provider: Unreliable, ended: Ended, jobs: int) -> list[Figure]:
    answered = sum(status == 200 for _, status in provider.calls)
    completed = ended.statuses["completed"]
    if ended.trips == 0:
        raise Failed("The breaker never opened.")
    most = 2 * ended.trips + SLOTS + BreakerRules().threshold
    how = (
        f"{jobs} jobs generate_reply, {WORKERS} workers, {SLOTS} slots; the provider answers after 50 ms, with 503 in "
        f"{FAILS:.0%} of the calls at random and always for {OUTAGE:.0f} s. All ended after {ended.seconds:.0f} s: "
        f"{dict(ended.statuses)}; {len(provider.calls)} calls, of which the budget counted {ended.counted}"
    )
    well = completed + ended.statuses["failed"] == jobs and ended.completions == completed
    doubled = answered - completed
    return [
        Figure("", "", how),
        Figure("jobs that ended", f"{sum(ended.statuses.values())} of {jobs}", "", "all, once", well),
        Figure("  answers that no job used", str(doubled), "", "0", doubled == 0),
        Figure(
            "  calls while it was down", f"{ended.during}, breaker opened {ended.trips} times", "",
            f"≤ {most}: 2 each time, and those under way", ended.during <= most,
        ),
        Figure("  most calls at a time", str(provider.most), "", f"≤ {SLOTS}", provider.most <= SLOTS),
        Figure(
            "  calls counted by the budget", str(ended.counted), "", f"{len(provider.calls)}",
            ended.counted == len(provider.calls),
        ),
        Figure(
            "  most calls for one job", f"{ended.most_for_one}, and {ended.spent} jobs wanted more", "",
            f"≤ {CALLS_PER_JOB}", ended.most_for_one <= CALLS_PER_JOB,
        ),
    ]  # fmt: skip
