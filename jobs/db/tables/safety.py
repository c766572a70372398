"""What content rules have blocked, and who is suspended for it. Never the text itself: its hash."""

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, Identity, Index, Integer, Table, Text, Uuid

from jobs.db.tables.columns import metadata, moment

content_blocks = Table(
    "content_blocks",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("owner", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    # at a door, before a provider was asked, or in what it answered
    Column("stage", Text, nullable=False),
    # whether the owner asked for it: what a model wrote by itself suspends nobody
    Column("counts", Boolean, nullable=False),
    Column("kind", Text),
    # without a foreign key: jobs are forgotten earlier
    Column("job_id", Uuid),
    moment("created_at", required=True),
    CheckConstraint("stage in ('submit','prompt','answer')", name="stage"),
    Index("ix_content_blocks_owner_created_at", "owner", "created_at"),
    Index("ix_content_blocks_created_at", "created_at"),
)

# one row an owner, for good: blocks from before `lifted_at` no longer count
suspensions = Table(
    "suspensions",
    metadata,
    Column("owner", Text, primary_key=True),
    # how many had been counted
    Column("blocks", Integer, nullable=False),
    moment("created_at", required=True),
    moment("lifted_at"),
)
