"""How a person's data go: what runs for them is stopped, then bytes, then rows. After a crash it goes on."""

from typing import Protocol
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.db import retention
from jobs.db.people import erasure
from jobs.db.session import Database
from jobs.db.work.jobs import Job
from jobs.errors import Blame, TemporaryError
from jobs.media import MediaStore
from jobs.owners import of_person


class StillRunning(TemporaryError):
    """What runs was asked to stop, which takes a moment; nobody is to blame."""

    code = "still_running"
    blame: Blame = "platform"
    forgiven = None


class Cancels(Protocol):
    async def cancel(self, connection: AsyncConnection, job_id: UUID, owner: str) -> Job: ...


async def stop_work(database: Database, intake: Cancels, user_id: int) -> None:
    """Raises StillRunning as long as something runs; until then nothing may be taken away from under it."""
    owner = of_person(user_id)
    async with database.transaction() as connection:
        found = await erasure.open_jobs(connection, user_id)
    for job_id in found:
        async with database.transaction() as connection:
            await intake.cancel(connection, job_id, owner)
    if found:
        async with database.transaction() as connection:
            if await erasure.open_jobs(connection, user_id):
                raise StillRunning("Something still runs for this person.", retry_in=1)


async def delete_all(database: Database, store: MediaStore, user_id: int) -> None:
    """All but the person's own row and what they paid. Bytes go before their row: nothing is left that nobody knows."""
    while True:
        async with database.transaction() as connection:
            found = await erasure.files(connection, user_id)
        if not found:
            break
        await store.delete([each.key for each in found])
        await retention.forget_media(database, [each.id for each in found])
    going = True
    while going:
        async with database.transaction() as connection:
            going = await erasure.delete_jobs(connection, user_id)
    going = True
    while going:
        async with database.transaction() as connection:
            going = await erasure.delete_owned(connection, user_id)
    async with database.transaction() as connection:
        await erasure.delete_words(connection, user_id)
