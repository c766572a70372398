"""Lanes: their state, what was rendered on them and how long it took."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "lanes",
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("healthy", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("paused", sa.Text(), nullable=True),
        sa.Column("loaded", sa.Text(), nullable=True),
        sa.Column("turn", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("paused in ('drain','hold')", name=op.f("ck_lanes_paused")),
        sa.PrimaryKeyConstraint("queue", name=op.f("pk_lanes")),
    )
    op.create_table(
        "renders",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=True),
        sa.Column("workflow", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("load_seconds", sa.Float(), server_default="0", nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_renders")),
    )
    op.create_index("ix_renders_queue_finished_at", "renders", ["queue", "finished_at"], unique=False)
    op.create_table(
        "workflow_times",
        sa.Column("workflow", sa.Text(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("load_seconds", sa.Float(), server_default="0", nullable=False),
        sa.Column("samples", sa.Integer(), server_default="1", nullable=False),
        sa.PrimaryKeyConstraint("workflow", name=op.f("pk_workflow_times")),
    )
    op.add_column("jobs", sa.Column("workflow", sa.Text(), nullable=True))
    op.add_column("jobs", sa.Column("model", sa.Text(), nullable=True))
    op.add_column("jobs", sa.Column("turn", sa.BigInteger(), server_default="0", nullable=False))
    op.create_index(
        "ix_jobs_owner_turn",
        "jobs",
        ["queue", "owner", "turn"],
        unique=False,
        postgresql_where=sa.text("status in ('pending', 'processing')"),
    )


def downgrade() -> None:
    op.drop_index(
        "ix_jobs_owner_turn", table_name="jobs", postgresql_where=sa.text("status in ('pending', 'processing')")
    )
    op.drop_column("jobs", "turn")
    op.drop_column("jobs", "model")
    op.drop_column("jobs", "workflow")
    op.drop_table("workflow_times")
    op.drop_index("ix_renders_queue_finished_at", table_name="renders")
    op.drop_table("renders")
    op.drop_table("lanes")
