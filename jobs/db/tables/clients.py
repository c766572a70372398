"""The clients of the REST API, and what is known of their requests."""

from sqlalchemy import ARRAY, Column, DateTime, ForeignKey, Index, Integer, LargeBinary, Table, Text, Uuid, text

from jobs.db.tables.columns import json_object, metadata, moment

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

# random bytes that all processes of an installation share: what signs links to media
installation_secrets = Table(
    "installation_secrets",
    metadata,
    Column("name", Text, primary_key=True),
    Column("secret", LargeBinary, nullable=False),
    moment("created_at", required=True),
)
