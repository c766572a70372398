"""What was said in a dialog, as much of it as is asked for: a long dialog is never read whole.

A message's place is that of the newest message that it had read: an answer stands right behind what it answers, before
what was written meanwhile.
"""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import BigInteger, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

MOST_MESSAGES = 400
A_LOT = 100_000


@dataclass(frozen=True)
class StoredMessage:
    id: int
    role: str
    content: str
    place: int


@dataclass(frozen=True)
class History:
    """`summary`: what was said before the messages that are not in it yet, of which `newest` are the last ones.

    `greeting`: how the persona began. `buttons_below`: the key of the delivery that has the last reply's buttons.
    """

    persona: str
    greeting: str
    summary: str
    summarised_until: int
    buttons_below: str | None
    newest: list[StoredMessage]


# the first message that does not fit comes with its end only: whoever shows them cuts there anyway
NEWEST = (
    "SELECT id, role, right(content, :room) AS content, place FROM ("
    " SELECT id, role, content, place, sum(length(content)) OVER newest_first - length(content) AS newer FROM ("
    "  SELECT id, role, content, coalesce(answers, id) AS place FROM chat_messages"
    "  WHERE dialog_id = {dialog_id} AND coalesce(answers, id) > {after} AND coalesce(answers, id) <= :until"
    "  AND (:without IS NULL OR id <> :without)"
    "  ORDER BY coalesce(answers, id) DESC, id DESC LIMIT :most) AS recent"
    " WINDOW newest_first AS (ORDER BY place DESC, id DESC)) AS counted"
    " WHERE newer < :room ORDER BY place, id"
)

OLDEST = text(
    "SELECT id, role, left(content, :room) AS content, place FROM ("
    " SELECT id, role, content, place, sum(length(content)) OVER oldest_first - length(content) AS older FROM ("
    "  SELECT id, role, content, coalesce(answers, id) AS place FROM chat_messages"
    "  WHERE dialog_id = :dialog_id AND coalesce(answers, id) > :after AND coalesce(answers, id) < :before"
    "  ORDER BY coalesce(answers, id), id LIMIT :most) AS early"
    " WINDOW oldest_first AS (ORDER BY place, id)) AS counted"
    " WHERE older < :room ORDER BY place, id"
)

WITHOUT = bindparam("without", type_=BigInteger)
NEWEST_MESSAGES = text(NEWEST.format(dialog_id=":dialog_id", after="0")).bindparams(WITHOUT)
READ = text(
    "SELECT persona, greeting, summary, summarised_until, buttons_below, (SELECT coalesce(json_agg(newest), '[]') FROM"
    f" ({NEWEST.format(dialog_id='dialogs.id', after='dialogs.summarised_until')}) AS newest) AS newest"
    " FROM dialogs WHERE id = :dialog_id"
).bindparams(WITHOUT)

REWRITABLE = text(
    "SELECT id, answers FROM chat_messages WHERE dialog_id = :dialog_id AND job_id = :job_id AND answers IS NOT NULL"
)

END_OF_TIME = 2**63 - 1


async def read(
    connection: AsyncConnection, dialog_id: int, room: int, *, until: int = END_OF_TIME, without: int | None = None
) -> History | None:
    """The newest messages in at most `room` characters; None if there is no such dialog.

    `until`: those up to this place only, and not the message `without`.
    """
    values = {"dialog_id": dialog_id, "room": room, "until": until, "without": without, "most": MOST_MESSAGES}
    row = (await connection.execute(READ, values)).mappings().first()
    if row is None:
        return None
    return History(**{**row, "newest": [StoredMessage(**each) for each in row["newest"]]})


async def newest_messages(connection: AsyncConnection, dialog_id: int, room: int = A_LOT) -> list[StoredMessage]:
    """In their order."""
    values = {"dialog_id": dialog_id, "room": room, "until": END_OF_TIME, "without": None, "most": MOST_MESSAGES}
    return [StoredMessage(**row) for row in (await connection.execute(NEWEST_MESSAGES, values)).mappings()]


async def oldest_messages(
    connection: AsyncConnection, dialog_id: int, room: int, *, after: int, before: int
) -> list[StoredMessage]:
    """Those between two places, from the first one on, in about `room` characters."""
    values = {"dialog_id": dialog_id, "room": room, "after": after, "before": before, "most": MOST_MESSAGES}
    return [StoredMessage(**row) for row in (await connection.execute(OLDEST, values)).mappings()]


async def reply_of(connection: AsyncConnection, dialog_id: int, job_id: UUID) -> tuple[int, int] | None:
    """The answer that a job has written: its id and its place."""
    row = (await connection.execute(REWRITABLE, {"dialog_id": dialog_id, "job_id": job_id})).first()
    return (row.id, row.answers) if row else None
