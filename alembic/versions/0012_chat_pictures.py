"""Pictures of a dialog: when the next one is due, and what was written for a moment."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("dialogs", sa.Column("next_picture_at", sa.Integer(), nullable=True))
    op.add_column("dialogs", sa.Column("picture_job_id", sa.Uuid(), nullable=True))
    op.add_column("dialogs", sa.Column("photo_count", sa.Integer(), server_default="0", nullable=False))
    op.create_table(
        "dialog_pictures",
        sa.Column("dialog_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("message_count", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("prompt", sa.Text(), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("media_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["dialog_id"], ["dialogs.id"], name=op.f("fk_dialog_pictures_dialog_id_dialogs"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("dialog_id", "message_count", name=op.f("pk_dialog_pictures")),
    )


def downgrade() -> None:
    op.drop_table("dialog_pictures")
    op.drop_column("dialogs", "photo_count")
    op.drop_column("dialogs", "picture_job_id")
    op.drop_column("dialogs", "next_picture_at")
