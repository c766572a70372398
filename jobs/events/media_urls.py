"""Where a finished job's file can be fetched without a key, for as long as the job can be read."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.db.access import installation_secrets
from jobs.db.work.jobs import Job
from jobs.media_links import SECRET_NAME, media_url


async def media_urls(connection: AsyncConnection, jobs: Sequence[Job], public_url: str = "") -> dict[UUID, str]:
    """By job; those without a file are left out, and where there is none the database is not asked."""
    files = {job.id: (UUID(job.result["media_id"]), job) for job in jobs if job.result and job.result.get("media_id")}
    if not files:
        return {}
    secret = await installation_secrets.read(connection, SECRET_NAME)
    return {
        job_id: media_url(media_id, secret, expires_at=job.expires_at, public_url=public_url)
        for job_id, (media_id, job) in files.items()
    }
