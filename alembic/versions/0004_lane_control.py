"""Pausing queues, who serves what, and what lanes need to survive their failures."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "paused_queues",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("paused_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("mode in ('drain','hold')", name=op.f("ck_paused_queues_mode")),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_paused_queues")),
    )
    op.create_table(
        "workers",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("queues", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workers")),
    )
    op.add_column(
        "jobs",
        sa.Column("setbacks", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    )
    op.add_column(
        "lanes",
        sa.Column("stats", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    )
    op.add_column("lanes", sa.Column("restarted_at", sa.DateTime(timezone=True), nullable=True))
    op.drop_column("lanes", "paused")
    op.add_column("media", sa.Column("drawn_from", sa.Text(), nullable=True))
    op.create_index(
        "ix_media_drawn_from",
        "media",
        ["owner", "drawn_from"],
        unique=False,
        postgresql_where=sa.text("drawn_from is not null"),
    )


def downgrade() -> None:
    op.drop_index("ix_media_drawn_from", table_name="media")
    op.drop_column("media", "drawn_from")
    op.add_column("lanes", sa.Column("paused", sa.Text(), nullable=True))
    op.create_check_constraint(op.f("ck_lanes_paused"), "lanes", "paused in ('drain','hold')")
    op.drop_column("lanes", "restarted_at")
    op.drop_column("lanes", "stats")
    op.drop_column("jobs", "setbacks")
    op.drop_table("workers")
    op.drop_table("paused_queues")
