"""Periodic care: tickets of dead workers go back, and what has had its time is forgotten."""

import logging
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from jobs.companion.analyses import analysis_collecting
from jobs.companion.analyses.collecting_settings import CollectingSettings
from jobs.db import retention
from jobs.db.analyses import comparisons, documents
from jobs.db.chats import chat_analyses, chat_deliveries, chat_pace
from jobs.db.gpu import lane_moves
from jobs.db.session import Database
from jobs.db.work import jobs as job_rows
from jobs.documents.settings import DocumentSettings
from jobs.errors import Misconfigured
from jobs.kinds.contract import NewJob
from jobs.media import MediaStore
from jobs.owners import BOT
from jobs.settings import ImageSettings, TelegramSettings, load
from jobs.submit import Intake

log = logging.getLogger(__name__)

STALLED_SECONDS = 30.0
KEPT_HOURS = 72
CHUNK = 5000
# each with thousands of pages of text
DOCUMENTS_AT_A_TIME = 20
COLLECTIONS_AT_A_TIME = 50
NIGHTS = UUID("5f3c1f0e-6a51-4a3e-9d0a-2f7f7e8f4b11")

# A database that was away has heard nobody: silence counts from its own start at the earliest.
# A ticket without a worker belongs to one that left, or whose row somebody removed.
SILENT = "greatest(last_heartbeat, pg_postmaster_start_time()) < now() - make_interval(secs => :seconds)"

STALLED = text(
    "SELECT job.id FROM procrastinate_jobs AS job"
    " LEFT JOIN procrastinate_workers AS worker ON worker.id = job.worker_id"
    f" WHERE job.status = 'doing' AND (worker.id IS NULL OR {SILENT}) ORDER BY job.id FOR UPDATE OF job SKIP LOCKED"
)
GIVE_BACK = text(
    "UPDATE procrastinate_jobs SET status = 'todo', worker_id = NULL, abort_requested = false, scheduled_at = NULL"
    " WHERE id = :id RETURNING queue_name"
)
ANNOUNCE = text(
    "SELECT pg_notify(channel, json_build_object('type', 'job_inserted', 'job_id', CAST(:id AS bigint))::text)"
    " FROM unnest(ARRAY['procrastinate_queue_v1#' || CAST(:queue AS text), 'procrastinate_any_queue_v1']) AS channel"
)
DELETE = text("DELETE FROM procrastinate_jobs WHERE id = :id")
FORGET_WORKERS = text(
    f"DELETE FROM procrastinate_workers WHERE {SILENT}"
    " AND NOT EXISTS (SELECT FROM procrastinate_jobs WHERE worker_id = procrastinate_workers.id AND status = 'doing')"
)
FORGET_INTRODUCTIONS = text(
    "DELETE FROM workers WHERE NOT EXISTS (SELECT FROM procrastinate_workers AS heart WHERE heart.id = workers.id)"
)
FORGET_TICKETS = text(
    "DELETE FROM procrastinate_jobs WHERE id IN ("
    " SELECT id FROM procrastinate_jobs WHERE status NOT IN ('todo', 'doing')"
    " AND NOT EXISTS (SELECT FROM procrastinate_events WHERE job_id = procrastinate_jobs.id"
    "                 AND at > now() - make_interval(hours => :hours))"
    " ORDER BY id LIMIT :chunk)"
)


async def sweep_stalled(database: Database, seconds: float = STALLED_SECONDS) -> int:
    """Give the tickets of workers that have been silent for so long to others; how many."""
    given_back = 0
    async with database.transaction() as connection:
        for ticket_id in list((await connection.execute(STALLED, {"seconds": seconds})).scalars()):
            try:
                async with connection.begin_nested():
                    queue = (await connection.execute(GIVE_BACK, {"id": ticket_id})).scalar_one()
            except IntegrityError:
                # its twin with the same queueing lock waits already and will do the same work
                await connection.execute(DELETE, {"id": ticket_id})
            else:
                await connection.execute(ANNOUNCE, {"id": ticket_id, "queue": queue})
                given_back += 1
        await connection.execute(FORGET_WORKERS, {"seconds": seconds})
        await connection.execute(FORGET_INTRODUCTIONS)
    if given_back:
        log.warning("gave back %d tickets of workers that are gone", given_back)
    return given_back


async def move_unserved(database: Database) -> None:
    """What waits for a lane whose worker is gone goes to the lanes that have one, or to the remote providers."""
    async with database.transaction() as connection:
        if lanes := await lane_moves.unserved(connection):
            reason = "its worker is gone"
            moved = await lane_moves.move_waiting(connection, lanes, reason, only_served=True)
            if load(ImageSettings).remote:
                gone = await lane_moves.leave(connection, lanes, "image", reason, only_served=True)
                moved |= {"image": gone} if gone else {}
            if moved:
                log.warning("moved what waited for lanes without a worker: %s", moved)


async def prune(database: Database) -> None:
    """Forget ended tickets after a few days, in chunks that hold up nobody."""
    while True:
        async with database.transaction() as connection:
            gone = await connection.execute(FORGET_TICKETS, {"hours": KEPT_HOURS, "chunk": CHUNK})
        if gone.rowcount < CHUNK:
            return


async def end_held(database: Database) -> None:
    """What was held for people who stayed away, once it is no news any more; and who was not written to lately."""
    while True:
        async with database.transaction() as connection:
            ended = await chat_deliveries.give_up_stale(connection)
        if ended < chat_deliveries.AT_A_TIME:
            break
    async with database.transaction() as connection:
        await chat_pace.forget_idle(connection)


async def end_collections(database: Database) -> None:
    """Documents that people have begun to send to the bot, and never said what for."""
    seconds = load(CollectingSettings).chat_collecting_hours * 3600
    more = True
    while more:
        async with database.transaction() as connection:
            idle = await chat_analyses.hold_idle(connection, seconds, COLLECTIONS_AT_A_TIME)
            for each in idle:
                ended = await chat_analyses.set_status(connection, each.id, "expired")
                await analysis_collecting.redraw(connection, ended, None)
        more = len(idle) == COLLECTIONS_AT_A_TIME


async def forget_collections(database: Database) -> None:
    """What was asked for in a chat, with the comparison that came of it: nobody can delete it there."""
    ttl = load(DocumentSettings).document_ttl
    more = bool(ttl)
    while more:
        async with database.transaction() as connection:
            gone = await chat_analyses.forget(connection, ttl, COLLECTIONS_AT_A_TIME)
            for comparison_id in filter(None, gone):
                await comparisons.delete(connection, comparison_id)
        more = len(gone) == COLLECTIONS_AT_A_TIME


async def ask_for_reconciliation(database: Database, intake: Intake, night: int) -> bool:
    """A job for a worker that has a bot, once for each `night` (a moment of it); False where there is no bot at all."""
    try:
        load(TelegramSettings)
    except Misconfigured:
        return False
    job_id = uuid5(NIGHTS, str(night))
    async with database.transaction() as connection:
        if await job_rows.get(connection, job_id) is None:
            deadline = datetime.now(UTC) + timedelta(hours=20)
            await intake.submit(connection, NewJob("reconcile_stars", {}, BOT, id=job_id, deadline=deadline))
    return True


async def forget_documents(database: Database) -> None:
    """Those that nobody has used for long and no comparison names. Their files expire then, and go as others do."""
    ttl = load(DocumentSettings).document_ttl
    while ttl:
        async with database.transaction() as connection:
            gone = await documents.delete_unused(connection, ttl, DOCUMENTS_AT_A_TIME)
        if gone < DOCUMENTS_AT_A_TIME:
            break


async def forget_expired(database: Database, media: MediaStore, ttl: int) -> None:
    """Jobs and files past their time, and old updates. Bytes go before their row: a crash between leaves no orphan."""
    await forget_collections(database)
    await forget_documents(database)
    while expired := await retention.expired_media(database):
        await media.delete([each.key for each in expired])
        await retention.forget_media(database, [each.id for each in expired])
    gone = await retention.forget_rows(database, ttl)
    if any(gone.values()):
        log.info("forgot %s", ", ".join(f"{count} {table}" for table, count in gone.items() if count))
