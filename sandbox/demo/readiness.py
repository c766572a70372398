"""When is a part of the demo ready? A door or a stand-in when it answers 200, the workers when their hearts beat."""

import asyncio

import httpx
import psycopg

from sandbox.demo.failure import DemoFailed, tail
from sandbox.demo.part import Part

PATIENCE = 60.0
PAUSE = 0.05
NEWEST = "SELECT coalesce(max(id), 0) FROM procrastinate_workers"
ALIVE = "SELECT count(*) FROM procrastinate_workers WHERE id > %s AND last_heartbeat > now() - interval '30 s'"


async def answering(part: Part, url: str, *, patience: float = PATIENCE) -> None:
    """Returns when `url` answers 200. Raises DemoFailed when it does not in time."""
    said = "nothing"
    try:
        async with asyncio.timeout(patience), httpx.AsyncClient(trust_env=False, timeout=5) as client:
            while True:
                try:
                    response = await client.get(url)
                    if response.status_code == 200:
                        return
                    said = f"{response.status_code}: {response.text[:200]}"
                except httpx.TransportError:
                    pass  # not listening yet
                await asyncio.sleep(PAUSE)
    except TimeoutError:
        raise DemoFailed(
            f"{part.command.title} was not ready after {patience:g} s: {url} said {said}. "
            f"Its log {part.log} ends:\n{tail(part.log)}"
        ) from None


async def newest_worker(database_url: str) -> int:
    """The number of the last worker that reported before ours start; those of an earlier run are not counted."""
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
        return await _number(connection, NEWEST, [])


async def workers_alive(
    parts: list[Part], database_url: str, *, newest_before: int, patience: float = PATIENCE
) -> None:
    """Returns when as many new workers as there are parts have reported to the queue."""
    alive = 0
    try:
        async with asyncio.timeout(patience):
            async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
                while alive < len(parts):
                    alive = await _number(connection, ALIVE, [newest_before])
                    await asyncio.sleep(PAUSE)
    except TimeoutError:
        raise DemoFailed(
            f"{alive} of {len(parts)} workers were ready after {patience:g} s. "
            f"Their logs: {', '.join(str(part.log) for part in parts)}."
        ) from None


async def _number(connection: psycopg.AsyncConnection[tuple[int]], query: str, values: list[int]) -> int:
    row = await (await connection.execute(query.encode(), values)).fetchone()
    assert row is not None, "an aggregate returns a row"
    return int(row[0])
