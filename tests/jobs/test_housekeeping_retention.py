"""What has had its time is forgotten, and nothing else is: rows, updates, and files with their bytes."""

from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import text

from jobs import housekeeping
from jobs.db.files import media as media_rows
from jobs.db.session import Database
from jobs.media import MediaStore
from jobs.settings import MediaSettings
from tests.factories import execute, rows

WEEK = 604_800


@pytest.fixture
def store(tmp_path: Path) -> MediaStore:
    return MediaStore(MediaSettings(media_url=f"file:{tmp_path}", _env_file=None))


async def test_files_go_with_their_bytes_when_their_time_is_over(database: Database, store: MediaStore) -> None:
    kept, gone = await store.put(b"\x89PNG kept", uuid4()), await store.put(b"\x89PNG gone", uuid4())
    await execute(database, "INSERT INTO jobs (id, kind, owner, queue) VALUES (gen_random_uuid(), 'k', 'o', 'q')")
    [job] = await rows(database, "SELECT id FROM jobs")
    async with database.transaction() as connection:
        for stored in (kept, gone):
            await media_rows.insert(connection, stored, owner="o", job_id=job["id"], ttl=WEEK)
        expire = text("UPDATE media SET expires_at = now() - interval '1 second' WHERE id = :id")
        await connection.execute(expire, {"id": gone.id})
    await housekeeping.forget_expired(database, store, WEEK)
    assert await rows(database, "SELECT id FROM media") == [{"id": kept.id}]
    assert await store.get(kept.key) == b"\x89PNG kept"
    with pytest.raises(FileNotFoundError):
        await store.get(gone.key)


async def test_bytes_that_are_gone_already_do_not_stop_the_forgetting(database: Database, store: MediaStore) -> None:
    """A crash between the bytes and the row leaves such a file behind."""
    stored = await store.put(b"x", uuid4())
    await execute(
        database,
        "INSERT INTO media (id, owner, key, content_type, size, sha256, expires_at)"
        f" VALUES ('{stored.id}', 'o', '{stored.key}', 't', 1, 'h', now() - interval '1 day')",
    )
    await store.delete([stored.key])
    await housekeeping.forget_expired(database, store, WEEK)
    assert await rows(database, "SELECT id FROM media") == []


async def test_finished_jobs_go_with_their_events_and_deliveries_and_open_ones_stay(
    database: Database, store: MediaStore
) -> None:
    await execute(
        database,
        "WITH made AS (INSERT INTO jobs (kind, owner, queue, status, expires_at) VALUES"
        " ('old', 'o', 'q', 'completed', now() - interval '1 second'),"
        " ('fresh', 'o', 'q', 'completed', now() + interval '1 day'),"
        " ('open', 'o', 'q', 'pending', NULL) RETURNING id, kind),"
        " events AS (INSERT INTO job_events (job_id, owner, seq, type) SELECT id, 'o', 1, 'job.created' FROM made) "
        "INSERT INTO deliveries (key, job_id, channel, destination) SELECT kind, id, 'telegram', '1' FROM made",
    )
    await housekeeping.forget_expired(database, store, WEEK)
    assert {row["kind"] for row in await rows(database, "SELECT kind FROM jobs")} == {"fresh", "open"}
    assert {row["key"] for row in await rows(database, "SELECT key FROM deliveries")} == {"fresh", "open"}
    assert len(await rows(database, "SELECT 1 FROM job_events")) == 2


async def test_updates_are_remembered_longer_than_telegram_repeats_them(database: Database, store: MediaStore) -> None:
    await execute(
        database,
        "INSERT INTO telegram_updates (bot_id, update_id, received_at) VALUES"
        " (1, 1, now() - interval '49 hours'), (1, 2, now() - interval '25 hours')",
    )
    await housekeeping.forget_expired(database, store, WEEK)
    assert await rows(database, "SELECT update_id FROM telegram_updates") == [{"update_id": 2}]


async def test_an_answer_without_a_job_goes_by_age_once_it_is_settled(database: Database, store: MediaStore) -> None:
    old = "now() - interval '8 days'"
    await execute(
        database,
        "INSERT INTO deliveries (key, channel, destination, status, created_at) VALUES"
        f" ('sent', 'telegram', '1', 'sent', {old}), ('waiting', 'telegram', '1', 'pending', {old}),"
        f" ('unknown', 'telegram', '1', 'unknown', {old}), ('new', 'telegram', '1', 'sent', now())",
    )
    await housekeeping.forget_expired(database, store, WEEK)
    assert {row["key"] for row in await rows(database, "SELECT key FROM deliveries")} == {"waiting", "new"}
