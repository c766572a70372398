"""Pictures that a remote provider draws: what was ordered, and what came back."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "predictions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("request", postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("prediction_id", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), server_default="placing", nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("ordered_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("called_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state in ('placing','placed','unwanted','over')", name=op.f("ck_predictions_state")),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_predictions_job_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_predictions")),
    )
    op.create_index("ix_predictions_job_id", "predictions", ["job_id"], unique=False)
    op.create_index(
        "uq_predictions_awaited",
        "predictions",
        ["job_id"],
        unique=True,
        postgresql_where=sa.text("state in ('placing', 'placed')"),
    )
    op.create_index(
        "ix_predictions_prediction_id",
        "predictions",
        ["prediction_id"],
        unique=False,
        postgresql_where=sa.text("prediction_id is not null"),
    )
    op.create_table(
        "provider_callbacks",
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("webhook_id", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=True),
        sa.Column("prediction_id", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("provider", "webhook_id", name=op.f("pk_provider_callbacks")),
    )
    op.create_index("ix_provider_callbacks_received_at", "provider_callbacks", ["received_at"], unique=False)


def downgrade() -> None:
    op.drop_table("provider_callbacks")
    op.drop_table("predictions")
