"""The REST API: keys, idempotency, one feed of events, webhooks out."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# Whoever streams events is told that there are new ones. A NOTIFY makes commits wait for each other, so jobs that came
# from a chat, whose events nobody streams, go without.
TELL = """
CREATE FUNCTION postgen_tell_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('postgen_events', NEW.job_id || ' ' || left(NEW.owner, 1000));
    RETURN NULL;
END $$;
CREATE TRIGGER job_events_tell AFTER INSERT ON job_events
    FOR EACH ROW WHEN (NEW.owner NOT LIKE 'telegram:%') EXECUTE FUNCTION postgen_tell_event();
"""

# A transaction may have its number, and then wait for a job's row that a younger one changes. In the account's feed its
# event still comes after those that the job had before.
ORDER = """
CREATE FUNCTION postgen_order_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.xid := greatest(NEW.xid, (SELECT xid FROM job_events WHERE job_id = NEW.job_id AND seq = NEW.seq - 1));
    RETURN NEW;
END $$;
CREATE TRIGGER job_events_order BEFORE INSERT ON job_events
    FOR EACH ROW WHEN (NEW.seq > 1) EXECUTE FUNCTION postgen_order_event();
"""

# 32 bytes that sign links to stored files
MAKE_LINK_KEY = """
INSERT INTO installation_secrets (name, secret)
VALUES ('media_links', decode(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex'))
"""


def upgrade() -> None:
    op.create_table(
        "api_keys",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column("prefix", sa.Text(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("scopes", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("requests_per_minute", sa.Integer(), server_default="600", nullable=False),
        sa.Column("open_jobs", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("prefix", name=op.f("uq_api_keys_prefix")),
    )
    op.create_index("ix_api_keys_owner", "api_keys", ["owner"], unique=False)
    op.create_table(
        "idempotency_records",
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("status_code", sa.Integer(), nullable=False),
        sa.Column("headers", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("owner", "key", name=op.f("pk_idempotency_records")),
    )
    op.create_index("ix_idempotency_records_created_at", "idempotency_records", ["created_at"], unique=False)
    op.create_table(
        "installation_secrets",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_installation_secrets")),
    )
    op.create_table(
        "signing_keys",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("private_key", sa.LargeBinary(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signing_keys")),
    )
    op.create_table(
        "webhook_endpoints",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("implicit", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("events", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("payload", sa.Text(), server_default="full", nullable=False),
        sa.Column("secrets", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("disabled_reason", sa.Text(), nullable=True),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("failing_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("payload in ('full','thin')", name=op.f("ck_webhook_endpoints_payload")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_endpoints")),
    )
    op.create_index("ix_webhook_endpoints_owner", "webhook_endpoints", ["owner"], unique=False)
    op.create_index(
        "uq_webhook_endpoints_implicit",
        "webhook_endpoints",
        ["owner", "url"],
        unique=True,
        postgresql_where=sa.text("implicit"),
    )
    op.create_table(
        "rate_limits",
        sa.Column("key_id", sa.Uuid(), nullable=False),
        sa.Column("arrival", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["key_id"], ["api_keys.id"], name=op.f("fk_rate_limits_key_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("key_id", name=op.f("pk_rate_limits")),
    )
    op.add_column("deliveries", sa.Column("owner", sa.Text(), server_default="", nullable=False))
    op.add_column("deliveries", sa.Column("endpoint_id", sa.Uuid(), nullable=True))
    op.add_column("deliveries", sa.Column("webhook_id", sa.Text(), nullable=True))
    op.add_column("deliveries", sa.Column("event_type", sa.Text(), nullable=True))
    op.add_column("deliveries", sa.Column("event_seq", sa.Integer(), nullable=True))
    op.add_column("deliveries", sa.Column("body", sa.LargeBinary(), nullable=True))
    op.add_column("deliveries", sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_deliveries_due",
        "deliveries",
        ["next_attempt_at"],
        unique=False,
        postgresql_where=sa.text("next_attempt_at is not null"),
    )
    op.create_index(
        "ix_deliveries_endpoint",
        "deliveries",
        ["endpoint_id", "job_id", "id"],
        unique=False,
        postgresql_where=sa.text("endpoint_id is not null and status in ('pending', 'sending', 'held')"),
    )
    op.create_index(
        "ix_deliveries_owner",
        "deliveries",
        ["owner", "id"],
        unique=False,
        postgresql_where=sa.text("channel = 'webhook'"),
    )
    op.create_foreign_key(
        op.f("fk_deliveries_endpoint_id"),
        "deliveries",
        "webhook_endpoints",
        ["endpoint_id"],
        ["id"],
        ondelete="SET NULL",
    )
    op.add_column("delivery_attempts", sa.Column("status_code", sa.Integer(), nullable=True))
    op.add_column("delivery_attempts", sa.Column("answer", sa.Text(), nullable=True))
    op.add_column("delivery_attempts", sa.Column("latency_ms", sa.Integer(), nullable=True))
    op.add_column("job_events", sa.Column("owner", sa.Text(), nullable=True))
    op.execute("UPDATE job_events SET owner = jobs.owner FROM jobs WHERE jobs.id = job_events.job_id")
    op.alter_column("job_events", "owner", nullable=False)
    op.add_column(
        "job_events",
        sa.Column(
            "xid", sa.BigInteger(), server_default=sa.text("(pg_current_xact_id())::text::bigint"), nullable=False
        ),
    )
    op.add_column("job_events", sa.Column("position", sa.BigInteger(), sa.Identity(always=False), nullable=False))
    op.create_index("ix_job_events_feed", "job_events", ["owner", "xid", "position"], unique=False)
    op.create_index(
        "ix_jobs_deadline",
        "jobs",
        ["deadline"],
        unique=False,
        postgresql_where=sa.text("deadline is not null and status = 'pending'"),
    )
    op.create_index(
        "ix_deliveries_next",
        "deliveries",
        ["endpoint_id", "next_attempt_at", "id"],
        unique=False,
        postgresql_where=sa.text("next_attempt_at is not null"),
    )
    op.execute(MAKE_LINK_KEY)
    op.execute(TELL)
    op.execute(ORDER)


def downgrade() -> None:
    op.execute("DROP TRIGGER job_events_order ON job_events")
    op.execute("DROP FUNCTION postgen_order_event")
    op.execute("DROP TRIGGER job_events_tell ON job_events")
    op.execute("DROP FUNCTION postgen_tell_event")
    op.drop_index("ix_jobs_deadline", table_name="jobs")
    op.drop_index("ix_deliveries_next", table_name="deliveries")
    op.drop_index("ix_job_events_feed", table_name="job_events")
    op.drop_column("job_events", "position")
    op.drop_column("job_events", "xid")
    op.drop_column("job_events", "owner")
    op.drop_column("delivery_attempts", "latency_ms")
    op.drop_column("delivery_attempts", "answer")
    op.drop_column("delivery_attempts", "status_code")
    op.drop_constraint(op.f("fk_deliveries_endpoint_id"), "deliveries", type_="foreignkey")
    op.drop_index("ix_deliveries_owner", table_name="deliveries")
    op.drop_index("ix_deliveries_endpoint", table_name="deliveries")
    op.drop_index("ix_deliveries_due", table_name="deliveries", postgresql_where=sa.text("next_attempt_at is not null"))
    op.drop_column("deliveries", "next_attempt_at")
    op.drop_column("deliveries", "body")
    op.drop_column("deliveries", "event_seq")
    op.drop_column("deliveries", "event_type")
    op.drop_column("deliveries", "webhook_id")
    op.drop_column("deliveries", "endpoint_id")
    op.drop_column("deliveries", "owner")
    op.drop_table("rate_limits")
    op.drop_index("uq_webhook_endpoints_implicit", table_name="webhook_endpoints")
    op.drop_index("ix_webhook_endpoints_owner", table_name="webhook_endpoints")
    op.drop_table("webhook_endpoints")
    op.drop_table("signing_keys")
    op.drop_table("installation_secrets")
    op.drop_index("ix_idempotency_records_created_at", table_name="idempotency_records")
    op.drop_table("idempotency_records")
    op.drop_index("ix_api_keys_owner", table_name="api_keys")
    op.drop_table("api_keys")
