"""Empty a queue: cancel what waits there, each job as its owner would, so that whatever was done for it is undone."""

from uuid import UUID

from sqlalchemy import bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import Text

from jobs.db.commit import commit
from jobs.db.queue import queues
from jobs.db.session import Database
from jobs.submit import Intake

CHUNK = 50
# also between two tries nobody runs it
OPEN_UNHELD = (
    " FROM jobs WHERE queue = :queue AND status IN ('pending', 'processing') AND run_token IS NULL"
    # a root that waits for its steps stands in no queue
    " AND ran_at IS NULL AND (CAST(:kind AS text) IS NULL OR kind = :kind)"
)
COUNT = text(f"SELECT count(*) {OPEN_UNHELD}").bindparams(bindparam("kind", type_=Text))
WAITING = text(f"SELECT id {OPEN_UNHELD} ORDER BY created_at DESC, id").bindparams(bindparam("kind", type_=Text))


async def count(database: Database, intake: Intake, queue: str, kind: str | None = None) -> int:
    """How many jobs `purge` would cancel now. Raises NotFound for a queue that does not exist."""
    async with database.transaction() as connection:
        await queues.require(connection, intake.lanes, queue)
        return int((await connection.execute(COUNT, {"queue": queue, "kind": kind})).scalar_one())


async def purge(database: Database, intake: Intake, queue: str, kind: str | None = None) -> int:
    """How many jobs were cancelled, of those that waited when it began; what runs, or starts meanwhile, stays.

    Short transactions, the newest jobs first: a purge that is cut off has done a part, and can simply be repeated.
    Raises NotFound for a queue that does not exist.
    """
    async with database.transaction() as connection:
        await queues.require(connection, intake.lanes, queue)
        waiting = list((await connection.execute(WAITING, {"queue": queue, "kind": kind})).scalars())
    gone: set[UUID] = set()
    for start in range(0, len(waiting), CHUNK):
        chunk = waiting[start : start + CHUNK]

        async def cancel(connection: AsyncConnection, chunk: list[UUID] = chunk) -> None:
            for job_id in chunk:
                if await intake.cancel_waiting(connection, job_id):
                    gone.add(job_id)

        await commit(database, cancel)
    return len(gone)
