"""How long does a client wait whose request had to start the API: from exec until the first POST is answered 202?"""

import asyncio
import contextlib
import json
import time
from collections.abc import Iterator

from bench.children import Child, Failed, free_port, running
from bench.figures import Figure, median
from bench.ground import Ground
from bench.ours import door
from jobs.db.access import api_keys
from jobs.db.session import Database
from jobs.settings import DatabaseSettings
from sandbox.pgbouncer import PgBouncer, program

TITLE = "api-start: from exec until the first job is accepted"
JOB = {"kind": "generate_reply", "input": {"system_prompt": "You are a test.", "user_message": "Hi"}}
HOW = (
    "uvicorn api.app:app, {times} times, median; the POST is tried again each {look:.0f} ms until the port is open, and"
    " is then answered 202 after the job and its ticket are committed"
)
PATIENCE = 60.0
LOOK_SECONDS = 0.002


async def measure(ground: Ground) -> list[Figure]:
    times = 1 if ground.quick else 9
    with ground.database() as url, _pooler(ground) as pooler:
        key = await _new_key(url)
        ways = {"PostgreSQL itself": ground.environment(url)}
        if pooler:
            pooled = {"DATABASE_POOLED": "true", "DATABASE_LISTEN_URL": url}
            ways["through pgbouncer"] = ground.environment(pooler.beside(url), **pooled)
        # in turns: whatever else the machine does meanwhile meets them all
        rounds = [[await _first_job(ground, way, key) for way in ways.values()] for _ in range(times)]
    figures = [_figure(name, list(seconds)) for name, seconds in zip(ways, zip(*rounds, strict=True), strict=True)]
    if not pooler:
        figures.append(Figure("through pgbouncer", "SKIPPED: pgbouncer is not installed"))
    return [*figures, Figure("", "", HOW.format(times=times, look=LOOK_SECONDS * 1000))]


def _figure(name: str, seconds: list[float]) -> Figure:
    return Figure(name, f"{median(seconds):.2f} s (best {min(seconds):.2f} s)")


async def _new_key(url: str) -> str:
    database = Database(DatabaseSettings(database_url=url))
    try:
        async with database.transaction() as connection:
            key, _ = await api_keys.insert(
                connection, owner="account:bench", scopes=("jobs",), requests_per_minute=10**6
            )
    finally:
        await database.aclose()
    return key


async def _first_job(ground: Ground, environment: dict[str, str], key: str) -> float:
    port = free_port()
    command = door("api.app:app", port)
    with running("api", command, environment=environment, folder=ground.folder) as child:
        while True:
            child.require_alive()
            status = await _post(port, key)
            if status:
                break
            if time.monotonic() - child.started > PATIENCE:
                raise Failed(f"The API did not open its port within {PATIENCE:g} s. Its log ends:\n{child.tail()}")
            await asyncio.sleep(LOOK_SECONDS)
        seconds = time.monotonic() - child.started
        _require_accepted(child, status)
        return seconds


def _require_accepted(child: Child, status: bytes) -> None:
    if not status.startswith(b"202 "):
        raise Failed(f"The API answered {status[:500].decode(errors='replace')}. Its log ends:\n{child.tail()}")


async def _post(port: int, key: str) -> bytes:
    """Status and the rest of the answer; nothing while nobody listens."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return b""
    body = json.dumps(JOB)
    try:
        writer.write(
            f"POST /v1/jobs HTTP/1.0\r\nHost: bench\r\nAuthorization: Bearer {key}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
        )
        return (await reader.read()).partition(b" ")[2]
    finally:
        writer.close()


@contextlib.contextmanager
def _pooler(ground: Ground) -> Iterator[PgBouncer | None]:
    if program() is None:
        yield None
        return
    pooler = PgBouncer(ground.postgres, ground.folder)
    pooler.start()
    try:
        yield pooler
    finally:
        pooler.stop()
