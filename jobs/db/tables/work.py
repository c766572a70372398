"""Jobs, what happened to them, and the files that they made."""

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

OPEN = "status in ('pending', 'processing')"
FAILED_STEP = "critical and root_id is not null and status in ('failed', 'cancelled', 'expired')"

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
    # in a tree: under which name the root counts it, and whether what is above it is nothing without it
    Column("stage", Text),
    Column("critical", Boolean, nullable=False, server_default=text("false")),
    # of a root: when its own run was over and it began to wait for its steps, and when it last told how far they are
    moment("ran_at"),
    moment("progressed_at"),
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
    # how often which passing trouble sent it back without spending a try
    json_object("setbacks"),
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
    Index("ix_jobs_owner_open", "owner", postgresql_where=text(OPEN)),
    Index("ix_jobs_parent_id", "parent_id", postgresql_where=text("parent_id is not null")),
    Index("ix_jobs_root_id", "root_id", postgresql_where=text("root_id is not null")),
    Index("ix_jobs_open_steps", "root_id", postgresql_where=text(f"root_id is not null and {OPEN}")),
    Index("ix_jobs_failed_critical_steps", "root_id", postgresql_where=text(FAILED_STEP)),
    Index("ix_jobs_open_trees", "ran_at", postgresql_where=text("ran_at is not null and status = 'processing'")),
    Index("ix_jobs_dialog_id", "dialog_id", postgresql_where=text("dialog_id is not null")),
    Index("ix_jobs_deadline", "deadline", postgresql_where=text("deadline is not null and status = 'pending'")),
    Index("ix_jobs_expires_at", "expires_at", postgresql_where=text("expires_at is not null")),
)

job_events = Table(
    "job_events",
    metadata,
    Column("job_id", Uuid, ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("type", Text, nullable=False),
    json_object("data"),
    # the order of the account's feed: see jobs/events/feed.py
    Column("xid", BigInteger, nullable=False, server_default=text("(pg_current_xact_id())::text::bigint")),
    Column("position", BigInteger, Identity(), nullable=False),
    moment("created_at", required=True),
    Index("ix_job_events_feed", "owner", "xid", "position"),
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
    # the same as a document: a photo's name does not do for it
    Column("telegram_document_id", Text),
    # the hash of the workflow with all its inputs: asked for again, the same picture is there already
    Column("drawn_from", Text),
    moment("created_at", required=True),
    moment("expires_at"),
    Index("ix_media_job_id", "job_id"),
    Index("ix_media_owner", "owner"),
    Index("ix_media_drawn_from", "owner", "drawn_from", postgresql_where=text("drawn_from is not null")),
    Index("ix_media_expires_at", "expires_at", postgresql_where=text("expires_at is not null")),
)
