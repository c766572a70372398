"""Analyses asked for in a chat: which files a person has sent for one, and the message that shows how far they are."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from jobs.db.tables.columns import metadata, moment

OPEN = text("status in ('offered','collecting')")

chat_analyses = Table(
    "chat_analyses",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("user_id", BigInteger, ForeignKey("telegram_users.user_id", ondelete="CASCADE"), nullable=False),
    # `offered`: files came, and nobody has said yet that they are to be compared
    Column("status", Text, nullable=False),
    Column("looks_for", ARRAY(Text), nullable=False, server_default=text("'{differences}'")),
    Column("question", Text, nullable=False, server_default=""),
    # the job that fetches the files from Telegram; named before it is there, and forgotten before this is
    Column("fetch_job_id", Uuid),
    Column("comparison_id", Uuid, ForeignKey("comparisons.id", ondelete="SET NULL")),
    # the message that shows it: which one, and how often it was changed
    Column("panel", Integer, nullable=False, server_default="1"),
    Column("edits", Integer, nullable=False, server_default="0"),
    moment("created_at", required=True),
    # the person did something about it
    moment("touched_at", required=True),
    # they were told last how far the comparison is
    moment("told_at"),
    CheckConstraint("status in ('offered','collecting','begun','cancelled','expired')", name="status"),
    Index("ux_chat_analyses_open", "user_id", unique=True, postgresql_where=OPEN),
    Index("ix_chat_analyses_user_id", "user_id"),
    Index("ix_chat_analyses_touched_at", "touched_at"),
    Index("ix_chat_analyses_comparison_id", "comparison_id", postgresql_where=text("comparison_id is not null")),
)

chat_analysis_files = Table(
    "chat_analysis_files",
    metadata,
    Column("analysis_id", Uuid, ForeignKey("chat_analyses.id", ondelete="CASCADE"), primary_key=True),
    # from 1, in the order in which they came
    Column("number", Integer, primary_key=True, autoincrement=False),
    # as Telegram names it: to fetch it, and to know it again
    Column("file_id", Text, nullable=False),
    Column("unique_id", Text, nullable=False),
    Column("file_name", Text, nullable=False),
    # once it is fetched
    Column("document_id", Uuid, ForeignKey("documents.id", ondelete="SET NULL")),
    # why it cannot be taken
    Column("error", JSONB),
    UniqueConstraint("analysis_id", "unique_id"),
    Index("ix_chat_analysis_files_document_id", "document_id", postgresql_where=text("document_id is not null")),
)
