"""Celery and Redis with the same work to do, at the durability that ours has."""

import asyncio
from pathlib import Path

import psycopg

from bench.bench_venv import bench_python
from bench.children import Child, Command, Failed, running
from bench.drained import Drained, watch
from bench.ground import STOCK_TEMPLATE, Ground
from bench.redis_server import redis_server

RESULTS = "CREATE TABLE results (job_id uuid PRIMARY KEY, reply text, finished_at timestamptz DEFAULT now())"
DONE = "SELECT count(*) FROM results"


async def drain(ground: Ground, jobs: int, llm_port: int, pool: str, concurrency: int) -> Drained | str:
    """`pool` is Celery's name for how it runs tasks at the same time. A sentence instead where it cannot run."""
    python = bench_python()
    if isinstance(python, str):
        return python
    async with redis_server(ground.folder, durable=True) as redis:
        if redis is None:
            return "redis-server is not installed"
        with ground.database(STOCK_TEMPLATE) as url:
            environment = {
                **ground.environment(url), "REDIS_PORT": str(redis.port),
                "LLM_PORT": str(llm_port),
            }  # fmt: skip
            await _submit(ground, python, jobs, environment)
            command: Command = [
                python, "-m", "celery", "-A", "bench.rivals.celery_app", "worker", "-c", str(concurrency), "-P", pool,
                "-l", "warning", "--without-gossip", "--without-mingle",
            ]  # fmt: skip
            return await _work_off(ground, command, environment, jobs, redis.child)


async def _submit(ground: Ground, python: Path, jobs: int, environment: dict[str, str]) -> None:
    submit = [str(python), "-m", "bench.rivals.celery_submit", str(jobs)]
    process = await asyncio.create_subprocess_exec(*submit, cwd=ground.folder, env=environment)
    if await process.wait():
        raise Failed("The tasks could not be given to Celery; its words are above.")


async def _work_off(ground: Ground, command: Command, environment: dict[str, str], jobs: int, redis: Child) -> Drained:
    with psycopg.connect(environment["DATABASE_URL"], autocommit=True) as connection:
        connection.execute(RESULTS.encode())
        connection.execute(b"CHECKPOINT")

        def done() -> int:
            row = connection.execute(DONE.encode()).fetchone()
            return row[0] if row else 0

        with running("celery-worker", command, environment=environment, folder=ground.folder) as worker:
            return await watch(ground, [worker], done, jobs, stores=[redis])
