"""The newest answer of a dialog: may it be written anew, and in which message of the chat does it stand?"""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import BigInteger, Uuid, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True)
class Newest:
    """A dialog as it stands. `reply_job_id`: the job that writes right now. `written_by`: the job whose answer is the
    last message; None if that is one of the person's."""

    persona: str
    reply_job_id: UUID | None
    written_by: UUID | None


NEWEST = text(
    "SELECT persona, reply_job_id, (SELECT job_id FROM chat_messages WHERE dialog_id = dialogs.id"
    " ORDER BY coalesce(answers, id) DESC, id DESC LIMIT 1) AS written_by FROM dialogs WHERE id = :dialog_id"
)

REPLACE = text(
    "UPDATE chat_messages SET content = :content, job_id = :job_id"
    " WHERE dialog_id = :dialog_id AND job_id = :of RETURNING answers"
)

# one answer may fill several messages; the buttons are below the last of them
OTHER_PARTS = text(
    "SELECT key FROM deliveries WHERE job_id = :job_id AND channel = 'telegram' AND status IN ('sent', 'unknown')"
    " AND payload ->> 'method' IN ('sendMessage', 'editMessageText') AND message_id IS DISTINCT FROM :message_id"
    " ORDER BY id"
)

# joined, as dialogs.WAITING
SETTLE = text(
    "WITH unanswered AS (SELECT string_agg(content, E'\\n' ORDER BY id) AS words FROM chat_messages"
    "  WHERE dialog_id = :dialog_id AND id > :answered AND role = 'user')"
    " UPDATE dialogs SET reply_job_id = CASE WHEN words IS NOT NULL THEN :job_id END, buttons_below = :key,"
    "  used_at = now() FROM unanswered WHERE id = :dialog_id RETURNING words"
).bindparams(bindparam("answered", type_=BigInteger), bindparam("job_id", type_=Uuid))

TAKE_BUTTONS = text(
    "WITH before AS (SELECT id, buttons_below FROM dialogs WHERE id = :dialog_id FOR UPDATE)"
    " UPDATE dialogs SET buttons_below = NULL FROM before WHERE dialogs.id = before.id RETURNING before.buttons_below"
)


async def newest(connection: AsyncConnection, dialog_id: int) -> Newest | None:
    """Hold the dialog's row (`dialogs.lock`) for as long as it shall stay so."""
    row = (await connection.execute(NEWEST, {"dialog_id": dialog_id})).mappings().first()
    return Newest(**row) if row else None


async def replace(connection: AsyncConnection, dialog_id: int, content: str, job_id: UUID, *, of: UUID) -> int | None:
    """Other words for what the job `of` had answered; the old ones are gone. Its place; None if it is gone itself."""
    values = {"dialog_id": dialog_id, "content": content, "job_id": job_id, "of": of}
    found: int | None = (await connection.execute(REPLACE, values)).scalar()
    return found


async def settle(
    connection: AsyncConnection, dialog_id: int, next_job_id: UUID, buttons_below: str, *, answered: int | None
) -> str | None:
    """An answer is there, to all up to the message `answered`: what was written since, joined, which `next_job_id` is
    to answer; None if nothing was, and nobody answers.

    Hold the dialog's row: the statement before this one waited for whoever was writing. `buttons_below`: the delivery
    that carries the buttons of this answer.
    """
    values = {"dialog_id": dialog_id, "job_id": next_job_id, "key": buttons_below, "answered": answered}
    found: str | None = (await connection.execute(SETTLE, values)).scalar()
    return found


async def take_buttons(connection: AsyncConnection, dialog_id: int) -> str | None:
    """Which delivery carries them; from now on none does."""
    found: str | None = (await connection.execute(TAKE_BUTTONS, {"dialog_id": dialog_id})).scalar()
    return found


async def other_parts(connection: AsyncConnection, job_id: UUID, message_id: int) -> list[str]:
    """The deliveries of that job's answer, without the one that is the message `message_id`."""
    values = {"job_id": job_id, "message_id": message_id}
    return list((await connection.execute(OTHER_PARTS, values)).scalars())
