"""How a file that was sent to the bot becomes a document of its sender: the same way as an upload's, from Telegram."""

import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from jobs import uploading
from jobs.db.session import Database
from jobs.delivery.telegram_files import fetch
from jobs.errors import TemporaryError
from jobs.media import MediaStore
from jobs.submit import Intake
from jobs.uploading import BytesNeeded, Upload

if TYPE_CHECKING:
    from jobs.delivery.telegram import Telegram

# a document may go away at the moment in which it comes again; not each time
MOST_TRIES = 3

Wanted = Callable[[AsyncConnection], Awaitable[bool]]
Entered = Callable[[AsyncConnection, UUID], Awaitable[None]]


@dataclass(frozen=True)
class ChatDocuments:
    """Fetches, examines, stores, enters."""

    database: Database
    media: MediaStore
    intake: Intake
    telegram: "Telegram"

    async def receive(
        self, owner: str, file_id: str, name: str, *, most: int, wanted: Wanted, entered: Entered
    ) -> None:
        """`wanted` is asked first in the transaction that enters the document, `entered` told of it last.

        Raises InvalidInput for what is no document, or cannot be had; TemporaryError.
        """
        with tempfile.TemporaryFile() as copy:
            await fetch(self.telegram, file_id, copy, most)
            upload = await uploading.examined(copy, name)
            for _ in range(MOST_TRIES):
                if await self._taken(owner, upload, wanted, entered):
                    return
        raise TemporaryError("The document is being deleted at this moment.", code="unanswered")

    async def _taken(self, owner: str, upload: Upload, wanted: Wanted, entered: Entered) -> bool:
        stored = await uploading.keep_bytes(self.database, self.media, owner, upload)
        try:
            async with self.database.transaction() as connection:
                if await wanted(connection):
                    known = await uploading.enter(connection, self.intake, owner, upload, stored, _everybody)
                    await entered(connection, known.document.id)
        except BytesNeeded:
            return False
        finally:
            await uploading.discard(self.database, self.media, stored)
        return True


async def _everybody() -> None:
    """How much a person may send was looked at by the door."""
