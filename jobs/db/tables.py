"""Every table of ours. The tables named procrastinate_… are the queue's and come from its own schema."""

from sqlalchemy import (
    ARRAY,
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
    LargeBinary,
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
WAITING_WEBHOOK = "endpoint_id is not null and status in ('pending', 'sending', 'held')"


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
    Column("owner", Text, nullable=False),
    Column("type", Text, nullable=False),
    json_object("data"),
    # the order of the account's feed: see jobs/events/feed.py
    Column("xid", BigInteger, nullable=False, server_default=text("(pg_current_xact_id())::text::bigint")),
    Column("position", BigInteger, Identity(), nullable=False),
    moment("created_at", required=True),
    Index("ix_job_events_feed", "owner", "xid", "position"),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    # one message, one key: whoever plans it again finds it planned
    Column("key", Text, nullable=False, unique=True),
    Column("job_id", Uuid, ForeignKey("jobs.id", ondelete="CASCADE")),
    Column("owner", Text, nullable=False, server_default=""),
    Column("channel", Text, nullable=False),
    Column("destination", Text, nullable=False),
    json_object("payload"),
    Column("status", Text, nullable=False, server_default="pending"),
    Column("attempt", Integer, nullable=False, server_default="0"),
    Column("message_id", BigInteger),
    Column("error", JSONB),
    # of a webhook: where it is registered, what it tells of, and the bytes that never change between attempts
    Column("endpoint_id", Uuid, ForeignKey("webhook_endpoints.id", ondelete="SET NULL")),
    Column("webhook_id", Text),
    Column("event_type", Text),
    Column("event_seq", Integer),
    Column("body", LargeBinary),
    moment("next_attempt_at"),
    moment("created_at", required=True),
    moment("sending_at"),
    moment("finished_at"),
    CheckConstraint("channel in ('telegram','webhook')", name="channel"),
    CheckConstraint("status in ('pending','sending','sent','unknown','held','failed')", name="status"),
    Index("ix_deliveries_job_id", "job_id"),
    Index("ix_deliveries_open", "status", "created_at", postgresql_where=text("status <> 'sent'")),
    Index("ix_deliveries_created_at", "created_at"),
    Index("ix_deliveries_owner", "owner", "id", postgresql_where=text("channel = 'webhook'")),
    Index("ix_deliveries_endpoint", "endpoint_id", "job_id", "id", postgresql_where=text(WAITING_WEBHOOK)),
    Index("ix_deliveries_due", "next_attempt_at", postgresql_where=text("next_attempt_at is not null")),
)

delivery_attempts = Table(
    "delivery_attempts",
    metadata,
    Column("delivery_id", BigInteger, ForeignKey("deliveries.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("outcome", Text, nullable=False),
    Column("error", JSONB),
    # of a webhook: the receiver's answer, its first 4 kB, and how long it took
    Column("status_code", Integer),
    Column("answer", Text),
    Column("latency_ms", Integer),
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
    # the hash of the workflow with all its inputs: asked for again, the same picture is there already
    Column("drawn_from", Text),
    moment("created_at", required=True),
    moment("expires_at"),
    Index("ix_media_job_id", "job_id"),
    Index("ix_media_drawn_from", "owner", "drawn_from", postgresql_where=text("drawn_from is not null")),
    Index("ix_media_expires_at", "expires_at", postgresql_where=text("expires_at is not null")),
)

lanes = Table(
    "lanes",
    metadata,
    Column("queue", Text, primary_key=True),
    Column("host", Text, nullable=False),
    Column("healthy", Boolean, nullable=False, server_default=text("true")),
    # the model in the GPU's memory, as far as we know
    Column("loaded", Text),
    # the turn that was served last
    Column("turn", BigInteger, nullable=False, server_default="0"),
    Column("failure", Text),
    # what its /system_stats said last
    json_object("stats"),
    moment("changed_at", required=True),
    # when a worker ran COMFYUI_RESTART_COMMAND last: two workers of one lane must not both
    moment("restarted_at"),
)

# a row for as long as an operator keeps a queue from working
paused_queues = Table(
    "paused_queues",
    metadata,
    Column("name", Text, primary_key=True),
    # drain: nothing new goes there, what waits still runs. hold: nothing runs
    Column("mode", Text, nullable=False),
    moment("paused_at", required=True),
    CheckConstraint("mode in ('drain','hold')", name="mode"),
)

# beside procrastinate_workers, which holds the heartbeats: what each worker serves, and where it runs
workers = Table(
    "workers",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    Column("queues", ARRAY(Text), nullable=False),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    moment("started_at", required=True),
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

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Uuid, primary_key=True, server_default=text("gen_random_uuid()")),
    Column("owner", Text, nullable=False),
    Column("name", Text, nullable=False, server_default=""),
    # what is shown of a key after its creation; the key itself is kept as a hash only
    Column("prefix", Text, nullable=False, unique=True),
    Column("hash", LargeBinary, nullable=False),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("requests_per_minute", Integer, nullable=False, server_default="600"),
    # open jobs at a time, null for any number
    Column("open_jobs", Integer),
    moment("created_at", required=True),
    moment("expires_at"),
    moment("revoked_at"),
    moment("last_used_at"),
    Index("ix_api_keys_owner", "owner"),
)

rate_limits = Table(
    "rate_limits",
    metadata,
    Column("key_id", Uuid, ForeignKey("api_keys.id", ondelete="CASCADE"), primary_key=True),
    # the generic cell rate algorithm's theoretical arrival time
    Column("arrival", DateTime(timezone=True), nullable=False),
)

idempotency_records = Table(
    "idempotency_records",
    metadata,
    Column("owner", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    # of method, path and body: the same key with another request is a mistake
    Column("fingerprint", LargeBinary, nullable=False),
    Column("status_code", Integer, nullable=False),
    json_object("headers"),
    json_object("body"),
    moment("created_at", required=True),
    Index("ix_idempotency_records_created_at", "created_at"),
)

webhook_endpoints = Table(
    "webhook_endpoints",
    metadata,
    Column("id", Uuid, primary_key=True, server_default=text("gen_random_uuid()")),
    Column("owner", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("description", Text, nullable=False, server_default=""),
    # made by a job's own webhook_url; it gets that job's events only
    Column("implicit", Boolean, nullable=False, server_default=text("false")),
    # types of events that it gets
    Column("events", ARRAY(Text), nullable=False),
    # full: the whole job. thin: only its id and status
    Column("payload", Text, nullable=False, server_default="full"),
    # newest first, [{"secret": "whsec_…", "expires_at": null}]: after a rotation the old one signs too for a while
    Column("secrets", JSONB, nullable=False),
    Column("disabled_reason", Text),
    moment("disabled_at"),
    # of the attempts since the last success
    Column("failures", Integer, nullable=False, server_default="0"),
    moment("failing_since"),
    moment("created_at", required=True),
    CheckConstraint("payload in ('full','thin')", name="payload"),
    Index("ix_webhook_endpoints_owner", "owner"),
    Index("uq_webhook_endpoints_implicit", "owner", "url", unique=True, postgresql_where=text("implicit")),
)

# the ed25519 keys of v1a signatures; the public halves are at /.well-known/webhook-keys
signing_keys = Table(
    "signing_keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("private_key", LargeBinary, nullable=False),
    Column("public_key", LargeBinary, nullable=False),
    moment("created_at", required=True),
    moment("retired_at"),
)

# random bytes that all processes of an installation share: what signs links to media
installation_secrets = Table(
    "installation_secrets",
    metadata,
    Column("name", Text, primary_key=True),
    Column("secret", LargeBinary, nullable=False),
    moment("created_at", required=True),
)
