"""Reports of a comparison made, stored, and entered with the job that they belong to."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.companion.messages.outbox import ChatDocument
from jobs.db.access import installation_secrets
from jobs.db.analyses import reports
from jobs.db.analyses.reports import StoredComparison
from jobs.db.files.media import StoredFile
from jobs.db.session import Database
from jobs.errors import NotFound
from jobs.media import MediaStore
from jobs.media_links import SECRET_NAME, media_url
from jobs.reports.formats import FORMATS, file_name
from jobs.reports.model import report_of
from jobs.reports.rendering import render
from jobs.settings import MediaSettings, PublicSettings, load


class MadeReport(BaseModel):
    """A report as a job's result names it. `url` needs no key and is good as long as the file is kept."""

    media_id: UUID
    url: str
    file_name: str
    size: int


@dataclass(frozen=True)
class Made:
    """Stored, and known to nobody until `save` is called in the transaction that completes the job."""

    comparison: StoredComparison
    files: Mapping[str, StoredFile]
    links: Mapping[str, str]
    job_id: UUID
    ttl: int

    @property
    def reports(self) -> dict[str, MadeReport]:
        """By format, for the result of a job."""
        return {
            fmt: MadeReport(media_id=file.id, url=self.links[fmt], file_name=self.name(fmt), size=file.size)
            for fmt, file in self.files.items()
        }

    @property
    def messages(self) -> list[ChatDocument]:
        """For a chat in which the comparison was asked for."""
        return [ChatDocument(file.id, self.name(fmt)) for fmt, file in self.files.items()]

    def name(self, fmt: str) -> str:
        return file_name(self.comparison.title, fmt)

    async def save(self, connection: AsyncConnection) -> None:
        await reports.enter(connection, self.comparison, self.files, job_id=self.job_id, ttl=self.ttl)


async def make_reports(
    database: Database, store: MediaStore, comparison_id: UUID, formats: Sequence[str], *, job_id: UUID
) -> Made:
    """From the findings that are committed. No transaction may be open; a second run of the job replaces the files.

    Raises NotFound, and TemporaryError while the store is down.
    """
    async with database.transaction() as connection:
        comparison = await reports.read(connection, comparison_id)
        secret = await installation_secrets.read(connection, SECRET_NAME)
    if comparison is None:
        raise NotFound("The comparison was deleted, so there is nothing to report.")
    report = report_of(comparison)
    files = {}
    for fmt in dict.fromkeys(formats):
        content = await asyncio.to_thread(render, report, fmt)
        stored = await store.put(content, uuid5(job_id, f"report:{fmt}"))
        files[fmt] = replace(stored, content_type=FORMATS[fmt].content_type)
    ttl = load(MediaSettings).result_ttl
    links = {fmt: _link(file, secret, ttl) for fmt, file in files.items()}
    return Made(comparison, files, links, job_id, ttl)


def _link(file: StoredFile, secret: bytes, ttl: int) -> str:
    until = datetime.now(UTC) + timedelta(seconds=ttl)
    return media_url(file.id, secret, expires_at=until, public_url=load(PublicSettings).public_url or "")
