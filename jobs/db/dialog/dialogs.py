"""Dialogs as they are written in. Whoever changes a dialog holds its row: nothing is answered twice or not at all."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, Text, Uuid, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True)
class Dialog:
    """`reply_job_id`: the open job that will answer. `message_count`: the user's messages so far."""

    id: int
    persona: str
    message_count: int
    reply_job_id: UUID | None


ADD_USER_MESSAGE = text(
    "WITH dialog AS ("
    " UPDATE dialogs SET message_count = message_count + 1, reply_job_id = coalesce(reply_job_id, :job_id),"
    "  used_at = now()"
    " WHERE id = :dialog_id AND (:personas IS NULL OR persona = ANY(:personas))"
    " RETURNING id, persona, message_count, reply_job_id"
    "), message AS (INSERT INTO chat_messages (dialog_id, role, content) SELECT id, 'user', :content FROM dialog) "
    "SELECT * FROM dialog"
).bindparams(bindparam("personas", type_=ARRAY(Text)))

ADD_REPLY = text(
    "WITH dialog AS (SELECT id FROM dialogs WHERE id = :dialog_id FOR UPDATE)"
    " INSERT INTO chat_messages (dialog_id, role, content, job_id, answers)"
    " SELECT id, 'assistant', :content, :job_id, :answers FROM dialog"
).bindparams(bindparam("content", type_=Text), bindparam("job_id", type_=Uuid), bindparam("answers", type_=BigInteger))

WAITING = text(
    "SELECT string_agg(content, E'\\n' ORDER BY id) FROM chat_messages"
    " WHERE dialog_id = :dialog_id AND role = 'user' AND id >"
    " coalesce((SELECT answers FROM chat_messages WHERE dialog_id = :dialog_id AND role = 'assistant'"
    "  ORDER BY coalesce(answers, id) DESC, id DESC LIMIT 1), 0)"
)

OPEN = text(
    "WITH dialog AS (INSERT INTO dialogs (user_id, persona, greeting) VALUES (:user_id, :persona, :greeting)"
    " RETURNING id)"
    " UPDATE telegram_users SET dialog_id = dialog.id FROM dialog WHERE user_id = :user_id RETURNING dialog.id"
)


async def open_dialog(connection: AsyncConnection, user_id: int, persona: str, greeting: str = "") -> int:
    """A new dialog, which becomes the user's current one. Its id. `greeting`: the words with which it begins."""
    values = {"user_id": user_id, "persona": persona, "greeting": greeting}
    return int((await connection.execute(OPEN, values)).scalar_one())


async def add_user_message(
    connection: AsyncConnection, dialog_id: int, content: str, job_id: UUID, *, personas: Collection[str] | None = None
) -> Dialog | None:
    """Store it; unless a job is about to answer already, `job_id` becomes the one that will (look at the answer).

    None, and nothing is stored, where the dialog's persona is none of `personas` (None: any will do).
    """
    values = {
        "dialog_id": dialog_id,
        "content": content,
        "job_id": job_id,
        "personas": None if personas is None else list(personas),
    }
    row = (await connection.execute(ADD_USER_MESSAGE, values)).mappings().first()
    return Dialog(**row) if row else None


async def waiting_text(connection: AsyncConnection, dialog_id: int) -> str | None:
    """What the user has written and no answer has read, joined; None if nothing. Hold the dialog's row."""
    found: str | None = (await connection.execute(WAITING, {"dialog_id": dialog_id})).scalar()
    return found


async def lock(connection: AsyncConnection, dialog_id: int) -> None:
    await connection.execute(text("SELECT 1 FROM dialogs WHERE id = :id FOR UPDATE"), {"id": dialog_id})


async def add_reply(connection: AsyncConnection, dialog_id: int, content: str, job_id: UUID, *, answers: int) -> None:
    """`answers`: the newest message that the reply had read. The dialog's row is held from now on."""
    values = {"dialog_id": dialog_id, "content": content, "job_id": job_id, "answers": answers}
    await connection.execute(ADD_REPLY, values)


async def set_reply_job(connection: AsyncConnection, dialog_id: int, job_id: UUID | None) -> None:
    update = text("UPDATE dialogs SET reply_job_id = :job_id WHERE id = :id")
    await connection.execute(update, {"id": dialog_id, "job_id": job_id})


async def release(connection: AsyncConnection, dialog_id: int, job_id: UUID) -> None:
    """The job that was to answer ended without an answer: the next message gets a new one."""
    update = text("UPDATE dialogs SET reply_job_id = NULL WHERE id = :id AND reply_job_id = :job_id")
    await connection.execute(update, {"id": dialog_id, "job_id": job_id})


async def message_count(connection: AsyncConnection, dialog_id: int) -> int:
    """The person's messages so far; 0 for a dialog that is not there."""
    query = text("SELECT message_count FROM dialogs WHERE id = :id")
    return int((await connection.execute(query, {"id": dialog_id})).scalar() or 0)
