"""Analyses asked for in a chat."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

STATUS = "status in ('offered','collecting','begun','cancelled','expired')"
OPEN = sa.text("status in ('offered','collecting')")
LOOKS_FOR = sa.text("'{differences}'")


def upgrade() -> None:
    op.create_table(
        "chat_analyses",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("looks_for", sa.ARRAY(sa.Text()), server_default=LOOKS_FOR, nullable=False),
        sa.Column("question", sa.Text(), server_default="", nullable=False),
        sa.Column("fetch_job_id", sa.Uuid(), nullable=True),
        sa.Column("comparison_id", sa.Uuid(), nullable=True),
        sa.Column("panel", sa.Integer(), server_default="1", nullable=False),
        sa.Column("edits", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("touched_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(STATUS, name=op.f("ck_chat_analyses_status")),
        sa.ForeignKeyConstraint(
            ["user_id"], ["telegram_users.user_id"], name=op.f("fk_chat_analyses_user_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["comparison_id"], ["comparisons.id"], name=op.f("fk_chat_analyses_comparison_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_chat_analyses")),
    )
    op.create_index("ux_chat_analyses_open", "chat_analyses", ["user_id"], unique=True, postgresql_where=OPEN)
    op.create_index("ix_chat_analyses_user_id", "chat_analyses", ["user_id"])
    op.create_index("ix_chat_analyses_touched_at", "chat_analyses", ["touched_at"])
    compared = sa.text("comparison_id is not null")
    op.create_index("ix_chat_analyses_comparison_id", "chat_analyses", ["comparison_id"], postgresql_where=compared)
    op.create_table(
        "chat_analysis_files",
        sa.Column("analysis_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("file_id", sa.Text(), nullable=False),
        sa.Column("unique_id", sa.Text(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("document_id", sa.Uuid(), nullable=True),
        sa.Column("error", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.ForeignKeyConstraint(
            ["analysis_id"], ["chat_analyses.id"], name=op.f("fk_chat_analysis_files_analysis_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["document_id"], ["documents.id"], name=op.f("fk_chat_analysis_files_document_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("analysis_id", "number", name=op.f("pk_chat_analysis_files")),
        sa.UniqueConstraint("analysis_id", "unique_id", name=op.f("uq_chat_analysis_files_analysis_id_unique_id")),
    )
    there = sa.text("document_id is not null")
    op.create_index(
        "ix_chat_analysis_files_document_id", "chat_analysis_files", ["document_id"], postgresql_where=there
    )


def downgrade() -> None:
    op.drop_table("chat_analysis_files")
    op.drop_table("chat_analyses")
