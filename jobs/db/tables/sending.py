"""What is sent to whom, and how the receivers of webhooks are known."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from jobs.db.tables.columns import json_object, metadata, moment

WAITING_WEBHOOK = "endpoint_id is not null and status in ('pending', 'sending', 'held')"

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
    Index(
        "ix_deliveries_next",
        "endpoint_id",
        "next_attempt_at",
        "id",
        postgresql_where=text("next_attempt_at is not null"),
    ),
    Index(
        "ix_deliveries_held_for",
        "destination",
        "id",
        postgresql_where=text("channel = 'telegram' and status = 'held'"),
    ),
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
