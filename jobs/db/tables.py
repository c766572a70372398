"""Every table of ours. The tables named procrastinate_… are the queue's and come from its own schema."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Float,
    ForeignKey,
    Identity,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

OPEN = "status in ('pending', 'processing')"


def moment(name: str, *, required: bool = False) -> Column[object]:
    """A point in time; `required` ones are set by the database when the row is made."""
    return Column(name, DateTime(timezone=True), nullable=not required, server_default=func.now() if required else None)


def json_object(name: str) -> Column[object]:
    return Column(name, JSONB, nullable=False, server_default=text("'{}'"))


jobs = Table(
    "jobs",
    metadata,
    Column("id", Uuid, primary_key=True, server_default=text("gen_random_uuid()")),
    Column("kind", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("status", Text, nullable=False, server_default="pending"),
    json_object("input"),
    Column("result", JSONB),
    Column("error", JSONB),
    Column("queue", Text, nullable=False),
    Column("priority", Integer, nullable=False, server_default="0"),
    # how often a worker started it; `failures` counts only those that ended in an error worth another try
    Column("attempt", Integer, nullable=False, server_default="0"),
    Column("failures", Integer, nullable=False, server_default="0"),
    # a person's retry of a finished job; the only way back to pending
    Column("retries", Integer, nullable=False, server_default="0"),
    # which run holds the job: the result of a run that lost it is refused
    Column("run_token", Uuid),
    Column("parent_id", Uuid, ForeignKey("jobs.id", ondelete="CASCADE")),
    Column("root_id", Uuid),
    Column("dialog_id", BigInteger, ForeignKey("dialogs.id", ondelete="SET NULL")),
    # where the finished job sends itself, for instance {"telegram": {"chat_id": 1, "locale": "ru"}}
    json_object("destination"),
    json_object("progress"),
    Column("partial", Boolean, nullable=False, server_default=text("false")),
    json_object("usage"),
    json_object("metadata"),
    # what is drawn with, for what is learnt about it: the workflow, and the model that a GPU must hold for it
    Column("workflow", Text),
    Column("model", Text),
    # its turn among the owners of its queue: see jobs/lanes/fairness.py
    Column("turn", BigInteger, nullable=False, server_default="0"),
    Column("event_seq", Integer, nullable=False, server_default="0"),
    # the queue's row that carries this job now
    Column("ticket_id", BigInteger),
    moment("cancel_requested_at"),
    moment("run_at"),
    moment("deadline"),
    moment("created_at", required=True),
    moment("started_at"),
    moment("finished_at"),
    moment("expires_at"),
    CheckConstraint("status in ('pending','processing','completed','failed','cancelled','expired')", name="status"),
    Index("ix_jobs_owner_created_at", "owner", "created_at", "id"),
    Index("ix_jobs_open", "queue", "kind", "status", postgresql_where=text(OPEN)),
    Index("ix_jobs_owner_turn", "queue", "owner", "turn", postgresql_where=text(OPEN)),
    Index("ix_jobs_parent_id", "parent_id", postgresql_where=text("parent_id is not null")),
    Index("ix_jobs_root_id", "root_id", postgresql_where=text("root_id is not null")),
    Index("ix_jobs_dialog_id", "dialog_id", postgresql_where=text("dialog_id is not null")),
    Index("ix_jobs_expires_at", "expires_at", postgresql_where=text("expires_at is not null")),
)

job_events = Table(
    "job_events",
    metadata,
    Column("job_id", Uuid, ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("type", Text, nullable=False),
    json_object("data"),
    moment("created_at", required=True),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    # one message, one key: whoever plans it again finds it planned
    Column("key", Text, nullable=False, unique=True),
    Column("job_id", Uuid, ForeignKey("jobs.id", ondelete="CASCADE")),
    Column("channel", Text, nullable=False),
    Column("destination", Text, nullable=False),
    json_object("payload"),
    Column("status", Text, nullable=False, server_default="pending"),
    Column("attempt", Integer, nullable=False, server_default="0"),
    Column("message_id", BigInteger),
    Column("error", JSONB),
    moment("created_at", required=True),
    moment("sending_at"),
    moment("finished_at"),
    CheckConstraint("channel in ('telegram','webhook')", name="channel"),
    CheckConstraint("status in ('pending','sending','sent','unknown','held','failed')", name="status"),
    Index("ix_deliveries_job_id", "job_id"),
    Index("ix_deliveries_open", "status", "created_at", postgresql_where=text("status <> 'sent'")),
    Index("ix_deliveries_created_at", "created_at"),
)

delivery_attempts = Table(
    "delivery_attempts",
    metadata,
    Column("delivery_id", BigInteger, ForeignKey("deliveries.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("outcome", Text, nullable=False),
    Column("error", JSONB),
    moment("started_at"),
    moment("finished_at", required=True),
)

media = Table(
    "media",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("job_id", Uuid, ForeignKey("jobs.id", ondelete="SET NULL")),
    Column("key", Text, nullable=False, unique=True),
    Column("content_type", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("sha256", Text, nullable=False),
    # Telegram's name for the same bytes: sent by it, nothing is uploaded twice
    Column("telegram_file_id", Text),
    moment("created_at", required=True),
    moment("expires_at"),
    Index("ix_media_job_id", "job_id"),
    Index("ix_media_expires_at", "expires_at", postgresql_where=text("expires_at is not null")),
)

lanes = Table(
    "lanes",
    metadata,
    Column("queue", Text, primary_key=True),
    Column("host", Text, nullable=False),
    Column("healthy", Boolean, nullable=False, server_default=text("true")),
    # why nothing goes there although it is healthy: an operator drains it (what waits still runs) or holds it
    Column("paused", Text),
    # the model in the GPU's memory, as far as we know
    Column("loaded", Text),
    # the turn that was served last
    Column("turn", BigInteger, nullable=False, server_default="0"),
    Column("failure", Text),
    moment("changed_at", required=True),
    CheckConstraint("paused in ('drain','hold')", name="paused"),
)

renders = Table(
    "renders",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("queue", Text, nullable=False),
    Column("job_id", Uuid),
    Column("workflow", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    # the GPU's own seconds, of which `load_seconds` went by before the first progress
    Column("seconds", Float, nullable=False),
    Column("load_seconds", Float, nullable=False, server_default="0"),
    moment("finished_at", required=True),
    Index("ix_renders_queue_finished_at", "queue", "finished_at"),
)

workflow_times = Table(
    "workflow_times",
    metadata,
    Column("workflow", Text, primary_key=True),
    Column("seconds", Float, nullable=False),
    Column("load_seconds", Float, nullable=False, server_default="0"),
    Column("samples", Integer, nullable=False, server_default="1"),
)

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
