"""Pictures of a dialog: is one on its way, when is the next one due, what was written and drawn for a moment.

Whoever begins a picture holds the dialog's row, so that two are never on their way at once.
"""

import hashlib
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import BigInteger, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

LARGEST_SEED = 2**63 - 1


@dataclass(frozen=True)
class Moment:
    """A dialog after so many messages of its person.

    `on_its_way`: a picture is being made. `pictured`: one was made for this very moment. `next_picture_at`: the message
    count from which on an automatic one is due; None before the first was thought of. `wanted`: the person likes
    automatic pictures, and can be reached.
    """

    dialog_id: int
    user_id: int
    persona: str
    message_count: int
    next_picture_at: int | None
    on_its_way: bool
    pictured: bool
    wanted: bool


@dataclass(frozen=True)
class Written:
    """What was written for a moment. `media_id`: the picture, if it was drawn and is still kept for a while."""

    prompt: str
    seed: int
    media_id: UUID | None


LOCK = text(
    "SELECT 1 FROM dialogs WHERE id = :dialog_id AND user_id = coalesce(:user_id, user_id) FOR UPDATE"
).bindparams(bindparam("user_id", type_=BigInteger))

# not in one statement with the lock: what committed while it waited would not be seen
LOOK = text(
    "SELECT dialog.id AS dialog_id, dialog.user_id, dialog.persona, dialog.message_count, dialog.next_picture_at,"
    " EXISTS (SELECT FROM jobs WHERE id = dialog.picture_job_id AND status IN ('pending', 'processing'))"
    "  AS on_its_way,"
    " EXISTS (SELECT FROM dialog_pictures AS picture WHERE picture.dialog_id = dialog.id"
    "  AND picture.message_count = dialog.message_count) AS pictured,"
    " person.auto_pictures AND person.blocked_at IS NULL AS wanted"
    " FROM dialogs AS dialog JOIN telegram_users AS person USING (user_id) WHERE dialog.id = :dialog_id"
)

BEGIN = text("UPDATE dialogs SET picture_job_id = :job_id WHERE id = :dialog_id")
SCHEDULE = text("UPDATE dialogs SET next_picture_at = :next_at WHERE id = :dialog_id")
BEGIN_AUTOMATIC = text(
    "UPDATE dialogs SET picture_job_id = :job_id, last_image_generation_at = message_count, next_picture_at = :next_at"
    " WHERE id = :dialog_id"
)

# whoever was first has written it: all who come later draw the same
KEEP = text(
    "INSERT INTO dialog_pictures (dialog_id, message_count, prompt, seed)"
    " SELECT id, :message_count, :prompt, :seed FROM dialogs WHERE id = :dialog_id ON CONFLICT DO NOTHING"
)
FIND = text(
    "SELECT picture.prompt, picture.seed, media.id AS media_id FROM dialog_pictures AS picture"
    # one that is about to go would be gone before it is sent
    " LEFT JOIN media ON media.id = picture.media_id"
    "  AND (media.expires_at IS NULL OR media.expires_at > now() + interval '10 minutes')"
    " WHERE picture.dialog_id = :dialog_id AND picture.message_count = :message_count"
)
DRAWN = text(
    "UPDATE dialog_pictures SET media_id = :media_id WHERE dialog_id = :dialog_id AND seed = :seed AND prompt = :prompt"
)

# only of a delivery that is not `sent` yet, so that a commit that is tried again counts nothing twice
COUNT = text(
    "UPDATE dialogs SET photo_count = photo_count + 1 FROM deliveries AS delivery JOIN jobs AS job"
    " ON job.id = delivery.job_id WHERE delivery.id = :delivery_id AND delivery.status = 'sending'"
    " AND dialogs.id = job.dialog_id"
)


def seed_of_moment(dialog_id: int, message_count: int) -> int:
    digest = hashlib.sha256(f"{dialog_id}:{message_count}".encode()).digest()
    return int.from_bytes(digest[:8]) & LARGEST_SEED


async def hold(connection: AsyncConnection, dialog_id: int, user_id: int | None = None) -> Moment | None:
    """The moment at which the dialog stands, locked until the transaction ends. `user_id`: only if it is theirs."""
    values = {"dialog_id": dialog_id, "user_id": user_id}
    if (await connection.execute(LOCK, values)).first() is None:
        return None
    return Moment(**(await connection.execute(LOOK, values)).mappings().one())


async def persona_of(connection: AsyncConnection, dialog_id: int) -> str | None:
    query = text("SELECT persona FROM dialogs WHERE id = :id")
    found: str | None = (await connection.execute(query, {"id": dialog_id})).scalar()
    return found


async def dialog_of_reply(connection: AsyncConnection, job_id: UUID) -> int | None:
    """The dialog whose answer this job has written; None once that was written anew, or is gone."""
    query = text("SELECT dialog_id FROM chat_messages WHERE job_id = :job_id")
    found: int | None = (await connection.execute(query, {"job_id": job_id})).scalar()
    return found


async def begin(connection: AsyncConnection, dialog_id: int, job_id: UUID) -> None:
    """This job makes the next picture; until it has ended, `on_its_way` is true."""
    await connection.execute(BEGIN, {"dialog_id": dialog_id, "job_id": job_id})


async def begin_automatic(connection: AsyncConnection, dialog_id: int, job_id: UUID, next_at: int) -> None:
    """The same, for a picture that nobody asked for. `next_at`: from which message count on the next one is due."""
    await connection.execute(BEGIN_AUTOMATIC, {"dialog_id": dialog_id, "job_id": job_id, "next_at": next_at})


async def schedule(connection: AsyncConnection, dialog_id: int, next_at: int) -> None:
    await connection.execute(SCHEDULE, {"dialog_id": dialog_id, "next_at": next_at})


async def keep(connection: AsyncConnection, dialog_id: int, message_count: int, prompt: str, seed: int) -> None:
    """What was written for this moment; nothing if something is there, or the dialog is not."""
    values = {"dialog_id": dialog_id, "message_count": message_count, "prompt": prompt, "seed": seed}
    await connection.execute(KEEP, values)


async def find(connection: AsyncConnection, dialog_id: int, message_count: int) -> Written | None:
    values = {"dialog_id": dialog_id, "message_count": message_count}
    row = (await connection.execute(FIND, values)).mappings().first()
    return Written(**row) if row else None


async def drawn(connection: AsyncConnection, dialog_id: int, seed: int, prompt: str, media_id: UUID) -> None:
    """This is the picture of the moment for which that was written, if it was written for one."""
    values = {"dialog_id": dialog_id, "seed": seed, "prompt": prompt, "media_id": media_id}
    await connection.execute(DRAWN, values)


async def count_delivered(connection: AsyncConnection, delivery_id: int) -> None:
    """One more picture has arrived. In the transaction that writes the delivery down as sent, and before that."""
    await connection.execute(COUNT, {"delivery_id": delivery_id})
