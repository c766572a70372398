"""Lanes and queues: their state, who serves them, and what was learnt about how long things take."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    Identity,
    Index,
    Integer,
    Table,
    Text,
    Uuid,
    text,
)

from jobs.db.tables.columns import json_object, metadata, moment

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
