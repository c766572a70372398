"""Makes the index that keeps a queue's fetch quick whatever waits in other queues, where no migration made it."""

import logging

import psycopg
from psycopg import sql

from jobs.connections import Connection, Connections

log = logging.getLogger(__name__)

# Building waits for every older transaction, and so would wait for a session that waits for this lock: never wait here.
ONE_AT_A_TIME = 7_236_452
VALID = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)"


async def make_missing_indexes(connections: Connections, queues: list[str]) -> None:
    """Without the right to make them, or while another worker does, fetching goes on without."""
    async with await connections.connect() as connection:
        missing = [queue for queue in queues if not await _is_valid(connection, queue)]
        if not missing or not await _first(connection, "SELECT pg_try_advisory_lock(%s)", ONE_AT_A_TIME):
            return
        for queue in missing:
            try:
                await _make(connection, queue)
            except psycopg.Error as error:
                log.warning("no index for the queue %s, its fetch slows down as others fill: %s", queue, error)


async def _make(connection: Connection, queue: str) -> None:
    name = sql.Identifier(index_name(queue))
    # left over from a build that broke off: it costs writes and serves no reads
    await connection.execute(sql.SQL("DROP INDEX CONCURRENTLY IF EXISTS {}").format(name))
    await connection.execute(
        sql.SQL(
            "CREATE INDEX CONCURRENTLY IF NOT EXISTS {} ON procrastinate_jobs (priority DESC, id)"
            " WHERE status = 'todo' AND queue_name = {}"
        ).format(name, sql.Literal(queue))
    )
    log.info("made the index for the queue %s", queue)


async def _is_valid(connection: Connection, queue: str) -> bool:
    return bool(await _first(connection, VALID, f'"{index_name(queue)}"'))


async def _first(connection: Connection, query: str, parameter: object) -> object:
    row = await (await connection.execute(query.encode(), (parameter,))).fetchone()
    return row[0] if row else None


def index_name(queue: str) -> str:
    return f"postgen_fetch_{queue}"[:63]
