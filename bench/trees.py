"""What does it cost that a hundred steps of one tree run at the same time, beside the same steps of many trees?"""

from uuid import uuid4

import psycopg

from bench.children import Failed, running, until
from bench.drained import PATIENCE, Drained, middle, watch
from bench.figures import Figure, milliseconds
from bench.ground import TEMPLATE, Ground
from bench.ours import open_intake, worker
from jobs.db.session import Database
from jobs.db.work import jobs as job_rows
from jobs.db.work import trees
from jobs.enqueue import withdraw
from jobs.kinds.contract import NewJob
from jobs.settings import DatabaseSettings
from jobs.submit import Intake
from jobs.trees import counts

TITLE = "trees: a hundred steps of one tree at a time, beside the same steps of a hundred trees"
KIND = "step"
LEAST_SHARE = 0.8
CONCURRENCY = 100
MANY = 100
SECONDS = 0.05

OWNER = "account:bench"
STEPS_DONE = "SELECT count(*) FROM jobs WHERE parent_id IS NOT NULL AND status = 'completed'"
# of the steps a root is the last to end, and it must
ROOTS_OPEN = "SELECT count(*) FROM jobs WHERE parent_id IS NULL AND status <> 'completed'"
TOLD = "SELECT count(*) FROM job_events WHERE type = 'job.progress'"
SIZE = "SELECT pg_total_relation_size('jobs') + pg_total_relation_size('job_events')"


async def measure(ground: Ground) -> list[Figure]:
    steps, rounds = (1000, 1) if ground.quick else (3000, 3)
    found: dict[int, list[tuple[Drained, int, int]]] = {1: [], MANY: []}
    for _ in range(rounds):
        for roots in found:  # in turns: the machine is never the same for long
            found[roots].append(await _drain(ground, roots, steps))
    one, many = (middle([drained for drained, _, _ in found[roots]]) for roots in (1, MANY))
    how = (
        f"{steps} steps that wait {SECONDS * 1000:.0f} ms and ask nobody, submitted before the one worker starts, "
        f"concurrency {CONCURRENCY}, median of {rounds} round(s) in turns; from the first ended step to the last. In "
        "brackets the processor time per step in the worker and in PostgreSQL. Owner: an account: every event notifies"
    )
    target = f"≥ {LEAST_SHARE:.0%}"
    return [
        Figure(f"steps of {MANY} trees", _value(many)),
        Figure("steps of one tree", _value(one)),
        Figure(
            "  of the same in many trees",
            f"{one.rate / many.rate:.0%}",
            "",
            target,
            one.rate >= LEAST_SHARE * many.rate,
        ),
        Figure("  its events of progress", f"{max(told for _, told, _ in found[1])}"),
        Figure("jobs and their events in PostgreSQL", f"{found[1][0][2] / steps:.1f} KB a step", how),
    ]


async def _drain(ground: Ground, roots: int, steps: int) -> tuple[Drained, int, int]:
    """And how often a root told how far it is, and how many kilobytes the rows take."""
    command = worker("housekeeping", f"--concurrency={CONCURRENCY}", app="bench.tree_worker.app")
    with ground.database(TEMPLATE) as url:
        await _plant(url, roots, steps // roots)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(b"VACUUM ANALYZE")
            connection.execute(b"CHECKPOINT")
            with running("tree-worker", command, environment=ground.environment(url), folder=ground.folder) as child:
                drained = await watch(ground, [child], lambda: _number(connection, STEPS_DONE), steps)
                await until(child, lambda: not _number(connection, ROOTS_OPEN), "end its trees", patience=PATIENCE)
            return drained, _number(connection, TOLD), _number(connection, SIZE) // 1024


async def _plant(url: str, roots: int, steps: int) -> None:
    """Roots whose own run is over, and their steps, waiting."""
    database, intake = Database(DatabaseSettings(database_url=url)), open_intake()
    try:
        for _ in range(roots):
            await _plant_one(database, intake, steps)
    finally:
        await database.aclose()


async def _plant_one(database: Database, intake: Intake, steps: int) -> None:
    children = [NewJob(KIND, {"seconds": SECONDS}, OWNER, stage=f"stage {each % 5}") for each in range(steps)]
    async with database.transaction() as connection:
        root = await intake.submit(connection, NewJob(KIND, {"seconds": 0}, OWNER))
        await withdraw(connection, root.ticket_id or 0)
        claimed = await job_rows.claim(connection, root.id, uuid4())
        progress = counts.progress(counts.planned(children))
        waiting = claimed and await trees.branch(connection, claimed, result={}, usage={}, progress=progress)
        if not waiting:
            raise Failed("A root did not come to wait for its steps.")
        await intake.submit_children(connection, waiting, children)


def _number(connection: "psycopg.Connection[tuple[int, ...]]", query: str) -> int:
    row = connection.execute(query.encode()).fetchone()
    assert row is not None, "an aggregate has a row"
    return int(row[0])


def _value(drained: Drained) -> str:
    return f"{drained.rate:.0f}/s  [{milliseconds(drained.worker)} + {milliseconds(drained.stores)}]"
