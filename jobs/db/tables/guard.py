"""Calls to providers: what each of them may take now, and what became of those that were made."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Float,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Table,
    Text,
    Uuid,
    text,
)

from jobs.db.tables.columns import metadata, moment

# rows that change with every call: room on the page spares their index from being touched
ROOMY = {"fillfactor": 50}

# the fleet's circuit breakers: closed while `open_until` is null, open before that time, half open after it
providers = Table(
    "providers",
    metadata,
    Column("name", Text, primary_key=True),
    # as the worker that started last was told; null for no limit
    Column("max_concurrent", Integer),
    Column("daily_calls", Integer),
    # in a row, while it is closed
    Column("failures", Integer, nullable=False, server_default="0"),
    # how often it opened since it was last closed: each time it stays open twice as long
    Column("trips", Integer, nullable=False, server_default="0"),
    moment("open_until"),
    # the one call that may find out whether the provider is back, for as long as its worker says that it lives
    Column("probe", Uuid),
    moment("probe_until"),
    # it answers, and asked not to be called before this
    moment("cool_until"),
    # of the last call that failed: the class, and the sentence
    Column("failure_class", Text),
    Column("failure", Text),
    moment("failed_at"),
    moment("changed_at", required=True),
    postgresql_with=ROOMY,
)

# one row for each call that may be under way at a time; `pool` is sort:llm, sort:image or provider:NAME
provider_slots = Table(
    "provider_slots",
    metadata,
    Column("pool", Text, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    # the call that has it; null, or `until` in the past: it is free
    Column("call", Uuid),
    Column("until", DateTime(timezone=True)),
    Column("provider", Text),
    postgresql_with=ROOMY,
)

provider_days = Table(
    "provider_days",
    metadata,
    Column("provider", Text, primary_key=True),
    # in UTC
    Column("day", Date, primary_key=True),
    Column("calls", Integer, nullable=False),
    postgresql_with=ROOMY,
)

# what a job and all jobs below it have called
job_calls = Table(
    "job_calls",
    metadata,
    Column("root_id", Uuid, ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("sort", Text, primary_key=True),
    Column("calls", Integer, nullable=False),
)

provider_calls = Table(
    "provider_calls",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("provider", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("sort", Text, nullable=False),
    Column("kind", Text),
    # no key: a job may be forgotten sooner than its calls, or later
    Column("job_id", Uuid),
    # success, or a class of jobs/providers/failure_class.py
    Column("outcome", Text, nullable=False),
    Column("status_code", Integer),
    Column("latency_ms", Integer, nullable=False),
    Column("prompt_tokens", Integer),
    Column("completion_tokens", Integer),
    # in US dollars, where the provider tells
    Column("cost", Float),
    # the provider's own name for the call
    Column("request_id", Text),
    Column("error", Text),
    # whether it was the one that an open breaker let through
    Column("probe", Boolean, nullable=False, server_default=text("false")),
    moment("started_at", required=True),
    Index("ix_provider_calls_started_at", "started_at"),
    Index("ix_provider_calls_provider", "provider", "started_at"),
    Index("ix_provider_calls_job_id", "job_id", postgresql_where=text("job_id is not null")),
    Index("ix_provider_calls_errors", "id", postgresql_where=text("outcome <> 'success'")),
)
