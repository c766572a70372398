"""People, their dialogs, and the updates that told of them."""

from sqlalchemy import (
    BigInteger,
    Boolean,
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

from jobs.db.tables.columns import json_object, metadata, moment

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
    # when they said that they are of age, and to which version of the question; null again once they take it back
    moment("age_confirmed_at"),
    Column("age_policy", Text),
    # whether pictures come that nobody asked for
    Column("auto_pictures", Boolean, nullable=False, server_default=text("true")),
    # whose updates are not taken in: an operator does not want them, or their data are being erased
    moment("banned_at"),
    moment("erasing_at"),
    # when they were told last of what is told once in a while, by its name
    json_object("notices"),
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
    # the message count at the last automatic picture
    Column("last_image_generation_at", Integer),
    # from which message count on the next automatic picture is due; drawn at random when the one before it was begun
    Column("next_picture_at", Integer),
    # the newest picture: as long as this job is open, nobody begins another
    Column("picture_job_id", Uuid),
    # pictures that have arrived in the chat
    Column("photo_count", Integer, nullable=False, server_default="0"),
    # the open job that will answer; at most one
    Column("reply_job_id", Uuid),
    # the words with which the persona began
    Column("greeting", Text, nullable=False, server_default=""),
    # what was said before the messages that a model is still shown, and the place of the last message in it
    Column("summary", Text, nullable=False, server_default=""),
    Column("summarised_until", BigInteger, nullable=False, server_default="0"),
    # the last job that was to write it
    Column("summary_job_id", Uuid),
    # the key of the delivery that has the buttons of the last reply
    Column("buttons_below", Text),
    moment("used_at", required=True),
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
