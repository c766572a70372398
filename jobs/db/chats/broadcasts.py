"""A message for everybody: who is to get it, how far it is, and that nothing more is planned once it is stopped."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Text, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True)
class Broadcast:
    """`status`: draft, running, stopping (until what was on its way is told), done, stopped. `message_id`: the message
    to the admin that shows how far it is; `told`: what that says, `edits`: how often it was written anew.
    """

    id: int
    admin_id: int
    words: str
    locale: str | None
    status: str
    people: int
    message_id: int | None
    job_id: UUID | None
    told: dict[str, Any]
    edits: int


@dataclass(frozen=True)
class Tally:
    """Of the people who were to get it: `blocked` cannot be reached, `left` are still to come."""

    sent: int
    blocked: int
    failed: int
    left: int


COLUMNS = ", ".join(field.name for field in fields(Broadcast))
# as jobs/companion/wording.py guesses it for those who have not chosen
READS = (
    "CASE WHEN locale = ANY(:locales) THEN locale"
    " WHEN lower(split_part(coalesce(language_code, ''), '-', 1)) = ANY(:russian) THEN 'ru' ELSE 'en' END"
)
REACHED = (
    "blocked_at IS NULL AND banned_at IS NULL AND erasing_at IS NULL"
    f" AND (CAST(:locale AS text) IS NULL OR {READS} = CAST(:locale AS text))"
)

COUNT = text(f"SELECT {READS} AS locale, count(*) AS people FROM telegram_users WHERE {REACHED} GROUP BY 1")
# the last of each part, in the order of their numbers
BOUNDS = text(
    "SELECT user_id FROM (SELECT user_id, row_number() OVER (ORDER BY user_id) AS place FROM telegram_users"
    f" WHERE {REACHED}) AS numbered WHERE place % :part = 0 ORDER BY user_id"
)
PEOPLE = text(
    f"SELECT user_id FROM telegram_users WHERE user_id > :after AND user_id <= :until AND {REACHED}"
    " ORDER BY user_id LIMIT :limit"
)
DRAFT = text("INSERT INTO broadcasts (admin_id, words, locale) VALUES (:admin_id, :words, :locale) RETURNING id")
GET = text(f"SELECT {COLUMNS} FROM broadcasts WHERE id = :id")
# of parts that plan at the same time none waits for another, and whoever stops it waits for all of them
HOLD = text("SELECT 1 FROM broadcasts WHERE id = :id AND status = 'running' FOR SHARE")
GOING = text(f"SELECT {COLUMNS} FROM broadcasts WHERE status IN ('running', 'stopping') ORDER BY id")
CHOOSE = text("UPDATE broadcasts SET locale = :locale WHERE id = :id AND status = 'draft' RETURNING id").bindparams(
    bindparam("locale", type_=Text)
)
START = text(
    "UPDATE broadcasts SET status = 'running', people = :people, message_id = :message_id, job_id = :job_id,"
    " started_at = now() WHERE id = :id AND status = 'draft' RETURNING id"
)
DISCARD = text("UPDATE broadcasts SET status = 'stopped', finished_at = now() WHERE id = :id AND status = 'draft'")
STOP = text(f"UPDATE broadcasts SET status = 'stopping' WHERE id = :id AND status = 'running' RETURNING {COLUMNS}")
TELL = text(
    "UPDATE broadcasts SET told = :told, edits = edits + 1, status = :status,"
    " finished_at = CASE WHEN :status IN ('done', 'stopped') THEN now() END"
    " WHERE id = :id AND edits = :edits AND status IN ('running', 'stopping') RETURNING edits"
).bindparams(bindparam("told", type_=JSONB), bindparam("status", type_=Text))

OF_BROADCAST = "job_id IN (SELECT id FROM jobs WHERE root_id = :root_id)"
# what was not sent yet will not be: its ticket finds nothing to do
WITHDRAW = text(
    "UPDATE deliveries SET status = 'failed', finished_at = now(), error = :error"
    f" WHERE {OF_BROADCAST} AND status IN ('pending', 'held')"
).bindparams(bindparam("error", type_=JSONB))
TALLY = text(
    # first those that are meant: only their destinations are certainly numbers
    f"WITH mine AS MATERIALIZED (SELECT status, error, destination FROM deliveries WHERE {OF_BROADCAST})"
    " SELECT count(*) FILTER (WHERE delivery.status IN ('sent', 'unknown')) AS sent,"
    " count(*) FILTER (WHERE delivery.status IN ('held', 'failed') AND gone) AS blocked,"
    " count(*) FILTER (WHERE delivery.status = 'failed' AND NOT gone"
    "  AND coalesce(delivery.error->>'code', '') <> 'stopped') AS failed,"
    " count(*) FILTER (WHERE delivery.status IN ('pending', 'sending') OR (delivery.status = 'held' AND NOT gone))"
    "  AS open FROM (SELECT mine.status, mine.error, person.blocked_at IS NOT NULL AS gone FROM mine"
    "  LEFT JOIN telegram_users AS person ON person.user_id = CAST(mine.destination AS bigint)) AS delivery"
)
IS_PLANNED = text("SELECT NOT EXISTS (SELECT FROM jobs WHERE id = :root_id AND status IN ('pending', 'processing'))")


@dataclass(frozen=True)
class Readers:
    """`locale`: those who read this language, None: everybody. `locales` and `russian`: how that is guessed."""

    locale: str | None
    locales: Sequence[str]
    russian: Sequence[str]


async def count(connection: AsyncConnection, readers: Readers) -> dict[str, int]:
    """How many would get it, by their language."""
    rows = await connection.execute(_typed(COUNT), _values(readers))
    return {row.locale: row.people for row in rows}


async def bounds(connection: AsyncConnection, readers: Readers, part: int) -> list[int]:
    """After how many each part ends, as the numbers of people; the last part has no end of its own."""
    return list((await connection.execute(_typed(BOUNDS), {**_values(readers), "part": part})).scalars())


async def people(connection: AsyncConnection, readers: Readers, after: int, until: int, limit: int) -> list[int]:
    values = {**_values(readers), "after": after, "until": until, "limit": limit}
    return list((await connection.execute(_typed(PEOPLE), values)).scalars())


async def draft(connection: AsyncConnection, admin_id: int, words: str) -> int:
    values = {"admin_id": admin_id, "words": words, "locale": None}
    return int((await connection.execute(DRAFT, values)).scalar_one())


async def get(connection: AsyncConnection, broadcast_id: int) -> Broadcast | None:
    row = (await connection.execute(GET, {"id": broadcast_id})).mappings().first()
    return Broadcast(**row) if row else None


async def going(connection: AsyncConnection) -> list[Broadcast]:
    return [Broadcast(**row) for row in (await connection.execute(GOING)).mappings()]


async def hold_running(connection: AsyncConnection, broadcast_id: int) -> bool:
    """Whether it still goes on; until this transaction ends it does."""
    return (await connection.execute(HOLD, {"id": broadcast_id})).first() is not None


async def choose_readers(connection: AsyncConnection, broadcast_id: int, locale: str | None) -> bool:
    """False for one that is no draft any more."""
    return (await connection.execute(CHOOSE, {"id": broadcast_id, "locale": locale})).first() is not None


async def start(connection: AsyncConnection, broadcast_id: int, *, people: int, message_id: int, job_id: UUID) -> bool:
    """False for one that was started, or thrown away, before."""
    values = {"id": broadcast_id, "people": people, "message_id": message_id, "job_id": job_id}
    return (await connection.execute(START, values)).first() is not None


async def discard(connection: AsyncConnection, broadcast_id: int) -> None:
    await connection.execute(DISCARD, {"id": broadcast_id})


async def stop(connection: AsyncConnection, broadcast_id: int) -> Broadcast | None:
    """From now on nothing more of it is planned; None for one that was not going on."""
    row = (await connection.execute(STOP, {"id": broadcast_id})).mappings().first()
    return Broadcast(**row) if row else None


async def withdraw(connection: AsyncConnection, root_id: UUID) -> None:
    """What is planned and not sent is not sent any more."""
    error = {"code": "stopped", "detail": "The broadcast was stopped before this was sent."}
    await connection.execute(WITHDRAW, {"root_id": root_id, "error": error})


async def tally(connection: AsyncConnection, broadcast: Broadcast) -> Tally:
    """`left` is 0 when it is over."""
    row = (await connection.execute(TALLY, {"root_id": broadcast.job_id})).one()
    planned = bool((await connection.execute(IS_PLANNED, {"root_id": broadcast.job_id})).scalar())
    known = row.sent + row.blocked + row.failed
    left = row.open if planned or broadcast.status == "stopping" else max(row.open, broadcast.people - known, 1)
    return Tally(row.sent, row.blocked, row.failed, left)


async def tell(connection: AsyncConnection, broadcast: Broadcast, tally: Tally, status: str) -> int | None:
    """That the admin is being told so. The number of the edit; None where somebody else was quicker."""
    values = {"id": broadcast.id, "told": asdict(tally), "edits": broadcast.edits, "status": status}
    found: int | None = (await connection.execute(TELL, values)).scalar()
    return found


def _typed(query: Any) -> Any:
    return query.bindparams(bindparam("locales", type_=ARRAY(Text)), bindparam("russian", type_=ARRAY(Text)))


def _values(readers: Readers) -> dict[str, Any]:
    return {"locale": readers.locale, "locales": list(readers.locales), "russian": list(readers.russian)}
