"""Documents, their comparisons, what was found, and the reports of it."""

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

documents = Table(
    "documents",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("file_name", Text, nullable=False),
    Column("format", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("sha256", Text, nullable=False),
    # the bytes; without them the text is still there
    Column("media_id", Uuid, ForeignKey("media.id", ondelete="SET NULL")),
    Column("pages", Integer),
    Column("characters", BigInteger),
    Column("status", Text, nullable=False, server_default="pending"),
    Column("error", JSONB),
    # the job that reads it; forgotten before the document is
    Column("job_id", Uuid, ForeignKey("jobs.id", ondelete="SET NULL")),
    moment("created_at", required=True),
    # uploaded again, or compared: from here counts how long it is kept
    moment("used_at", required=True),
    CheckConstraint("format in ('pdf','docx','html','md','csv','txt')", name="format"),
    CheckConstraint("status in ('pending','processing','completed','failed')", name="status"),
    # the same bytes are one document
    UniqueConstraint("owner", "sha256"),
    Index("ix_documents_owner_created_at", "owner", "created_at", "id"),
    Index("ix_documents_media_id", "media_id"),
    Index("ix_documents_job_id", "job_id", postgresql_where=text("job_id is not null")),
    Index("ix_documents_used_at", "used_at"),
)

document_pages = Table(
    "document_pages",
    metadata,
    Column("document_id", Uuid, ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True),
    # from 1
    Column("page", Integer, primary_key=True, autoincrement=False),
    Column("text", Text, nullable=False),
)

comparisons = Table(
    "comparisons",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("looks_for", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    Column("question", Text, nullable=False, server_default=""),
    Column("model", Text, nullable=False, server_default=""),
    Column("language", Text, nullable=False),
    Column("report_formats", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    Column("job_id", Uuid, ForeignKey("jobs.id", ondelete="SET NULL")),
    Column("summary", Text, nullable=False, server_default=""),
    # how many quotations, and findings with them, stood nowhere in the documents
    Column("dropped", Integer, nullable=False, server_default="0"),
    # what could not be read, and why
    Column("unread", JSONB, nullable=False, server_default=text("'[]'")),
    moment("created_at", required=True),
    moment("finished_at"),
    Index("ix_comparisons_owner_created_at", "owner", "created_at", "id"),
    Index("ix_comparisons_job_id", "job_id", postgresql_where=text("job_id is not null")),
)

comparison_documents = Table(
    "comparison_documents",
    metadata,
    Column("comparison_id", Uuid, ForeignKey("comparisons.id", ondelete="CASCADE"), primary_key=True),
    # the order in which they were named, from 1
    Column("position", Integer, primary_key=True, autoincrement=False),
    # a document that is compared cannot be deleted
    Column("document_id", Uuid, ForeignKey("documents.id"), nullable=False),
    UniqueConstraint("comparison_id", "document_id"),
    Index("ix_comparison_documents_document_id", "document_id"),
)

findings = Table(
    "findings",
    metadata,
    Column("comparison_id", Uuid, ForeignKey("comparisons.id", ondelete="CASCADE"), primary_key=True),
    # from 1, in the order of the report
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("kind", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("explanation", Text, nullable=False),
    # [{document_id, page, text}]
    Column("quotations", JSONB, nullable=False, server_default=text("'[]'")),
    CheckConstraint("severity in ('low','medium','high')", name="severity"),
)

reports = Table(
    "reports",
    metadata,
    Column("comparison_id", Uuid, ForeignKey("comparisons.id", ondelete="CASCADE"), primary_key=True),
    Column("format", Text, primary_key=True),
    Column("media_id", Uuid, ForeignKey("media.id", ondelete="CASCADE"), nullable=False),
    moment("created_at", required=True),
    CheckConstraint("format in ('md','html','docx','pdf')", name="format"),
    Index("ix_reports_media_id", "media_id"),
)

preferences = Table(
    "preferences",
    metadata,
    Column("owner", Text, primary_key=True),
    Column("report_formats", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    # null: as the reader's program asks for it
    Column("language", Text),
    moment("updated_at", required=True),
)
