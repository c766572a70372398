"""Everything that is kept of a person, sent to them as a file. An inner kind: it is asked for at /delete_me."""

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID, uuid5

from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.companion.messages.outbox import ChatDocument
from jobs.companion.operating.export import document
from jobs.companion.wording import say
from jobs.db.files import media
from jobs.db.files.media import StoredFile
from jobs.db.people import personal_data
from jobs.kinds.attempts import CRITICAL
from jobs.kinds.contract import NewJob, Outcome, Run
from jobs.kinds.dialogue import KindInput

if TYPE_CHECKING:
    from jobs.resources import Resources

QUEUE = "housekeeping"
CHAT_ACTION = "upload_document"
ATTEMPTS = CRITICAL

# it is sent at once, and holds everything: no reason to keep it for long
KEPT_SECONDS = 86_400


class Input(KindInput):
    user_id: int
    locale: str = "en"


class Result(BaseModel):
    media_id: UUID


async def run(run: Run[Input], resources: "Resources") -> Outcome:
    given, job = run.input, run.job
    async with run.database.transaction() as connection:
        found = await personal_data.read(connection, given.user_id)
    stored = await resources.media.put(document(found), uuid5(job.id, "export"))
    file = replace(stored, content_type="application/json")
    name, caption = say(given.locale, "export.file_name"), say(given.locale, "export.caption")
    message = ChatDocument(file.id, f"{name}.json", caption)
    return Outcome(Result(media_id=file.id), messages=[message], save=partial(_save, job.owner, job.id, file))


async def _save(owner: str, job_id: UUID, file: StoredFile, connection: AsyncConnection) -> list[NewJob]:
    await media.insert(connection, file, owner=owner, job_id=job_id, ttl=KEPT_SECONDS)
    return []
