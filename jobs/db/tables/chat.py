"""People, their dialogs, and the updates that told of them."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from jobs.db.tables.columns import metadata, moment

telegram_updates = Table(
    "telegram_updates",
    metadata,
    Column("bot_id", BigInteger, primary_key=True),
    # unique per bot but not ever-growing: Telegram restarts the numbers after a quiet week
    Column("update_id", BigInteger, primary_key=True, autoincrement=False),
    moment("received_at", required=True),
    Index("ix_telegram_updates_received_at", "received_at"),
)

failed_updates = Table(
    "failed_updates",
    metadata,
    Column("bot_id", BigInteger, primary_key=True),
    Column("update_id", BigInteger, primary_key=True, autoincrement=False),
    Column("tries", Integer, nullable=False),
    Column("payload", JSONB, nullable=False),
    Column("error", Text, nullable=False),
    moment("created_at", required=True),
    moment("dead_at"),
)

telegram_users = Table(
    "telegram_users",
    metadata,
    Column("user_id", BigInteger, primary_key=True, autoincrement=False),
    Column("first_name", Text, nullable=False, server_default=""),
    Column("username", Text),
    Column("language_code", Text),
    # what the user chose; language_code is only what their app says
    Column("locale", Text),
    Column("dialog_id", BigInteger),
    moment("blocked_at"),
    moment("created_at", required=True),
    moment("seen_at", required=True),
)

dialogs = Table(
    "dialogs",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("user_id", BigInteger, ForeignKey("telegram_users.user_id", ondelete="CASCADE"), nullable=False),
    Column("persona", Text, nullable=False),
    # the user's messages so far
    Column("message_count", Integer, nullable=False, server_default="0"),
    # the message count at the last picture
    Column("last_image_generation_at", Integer),
    # the open job that will answer; at most one
    Column("reply_job_id", Uuid),
    moment("created_at", required=True),
    Index("ix_dialogs_user_id", "user_id"),
)

chat_messages = Table(
    "chat_messages",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("dialog_id", BigInteger, ForeignKey("dialogs.id", ondelete="CASCADE"), nullable=False),
    Column("role", Text, nullable=False),
    Column("content", Text, nullable=False),
    # the job whose answer this is: one job answers once
    Column("job_id", Uuid, unique=True),
    # the newest message that this answer had read: it stands before what was written meanwhile
    Column("answers", BigInteger),
    moment("created_at", required=True),
    CheckConstraint("role in ('user','assistant')", name="role"),
    Index("ix_chat_messages_order", "dialog_id", text("coalesce(answers, id)"), "id"),
)
