"""Documents, their comparisons, what was found, and the reports of it."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "documents",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("media_id", sa.Uuid(), nullable=True),
        sa.Column("pages", sa.Integer(), nullable=True),
        sa.Column("characters", sa.BigInteger(), nullable=True),
        sa.Column("status", sa.Text(), server_default="pending", nullable=False),
        sa.Column("error", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("job_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("format in ('pdf','docx','html','md','csv','txt')", name=op.f("ck_documents_format")),
        sa.CheckConstraint("status in ('pending','processing','completed','failed')", name=op.f("ck_documents_status")),
        sa.ForeignKeyConstraint(["media_id"], ["media.id"], name=op.f("fk_documents_media_id"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_documents_job_id"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_documents")),
        sa.UniqueConstraint("owner", "sha256", name=op.f("uq_documents_owner_sha256")),
    )
    op.create_index("ix_documents_owner_created_at", "documents", ["owner", "created_at", "id"])
    op.create_index("ix_documents_media_id", "documents", ["media_id"])
    op.create_index("ix_documents_job_id", "documents", ["job_id"], postgresql_where=sa.text("job_id is not null"))
    op.create_index("ix_documents_used_at", "documents", ["used_at"])
    op.create_table(
        "document_pages",
        sa.Column("document_id", sa.Uuid(), nullable=False),
        sa.Column("page", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["document_id"], ["documents.id"], name=op.f("fk_document_pages_document_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("document_id", "page", name=op.f("pk_document_pages")),
    )
    op.create_table(
        "comparisons",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("looks_for", sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("question", sa.Text(), server_default="", nullable=False),
        sa.Column("model", sa.Text(), server_default="", nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("report_formats", sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=True),
        sa.Column("summary", sa.Text(), server_default="", nullable=False),
        sa.Column("dropped", sa.Integer(), server_default="0", nullable=False),
        sa.Column("unread", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_comparisons_job_id"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_comparisons")),
    )
    op.create_index("ix_comparisons_owner_created_at", "comparisons", ["owner", "created_at", "id"])
    op.create_index("ix_comparisons_job_id", "comparisons", ["job_id"], postgresql_where=sa.text("job_id is not null"))
    op.create_table(
        "comparison_documents",
        sa.Column("comparison_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("document_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["comparison_id"],
            ["comparisons.id"],
            name=op.f("fk_comparison_documents_comparison_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["document_id"], ["documents.id"], name=op.f("fk_comparison_documents_document_id")),
        sa.PrimaryKeyConstraint("comparison_id", "position", name=op.f("pk_comparison_documents")),
        sa.UniqueConstraint(
            "comparison_id", "document_id", name=op.f("uq_comparison_documents_comparison_id_document_id")
        ),
    )
    op.create_index("ix_comparison_documents_document_id", "comparison_documents", ["document_id"])
    op.create_table(
        "findings",
        sa.Column("comparison_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("explanation", sa.Text(), nullable=False),
        sa.Column(
            "quotations", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'"), nullable=False
        ),
        sa.CheckConstraint("severity in ('low','medium','high')", name=op.f("ck_findings_severity")),
        sa.ForeignKeyConstraint(
            ["comparison_id"], ["comparisons.id"], name=op.f("fk_findings_comparison_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("comparison_id", "number", name=op.f("pk_findings")),
    )
    op.create_table(
        "reports",
        sa.Column("comparison_id", sa.Uuid(), nullable=False),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("media_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("format in ('md','html','docx','pdf')", name=op.f("ck_reports_format")),
        sa.ForeignKeyConstraint(
            ["comparison_id"], ["comparisons.id"], name=op.f("fk_reports_comparison_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["media_id"], ["media.id"], name=op.f("fk_reports_media_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("comparison_id", "format", name=op.f("pk_reports")),
    )
    op.create_index("ix_reports_media_id", "reports", ["media_id"])
    op.create_table(
        "preferences",
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("report_formats", sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("language", sa.Text(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("owner", name=op.f("pk_preferences")),
    )


def downgrade() -> None:
    for table in (
        "preferences", "reports", "findings", "comparison_documents", "comparisons", "document_pages", "documents",
    ):  # fmt: skip
        op.drop_table(table)
