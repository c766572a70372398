"""Dialogs as the bot keeps them: summaries, answers written anew, pictures that Telegram has already."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("dialogs", sa.Column("greeting", sa.Text(), server_default="", nullable=False))
    op.add_column("dialogs", sa.Column("summary", sa.Text(), server_default="", nullable=False))
    op.add_column("dialogs", sa.Column("summarised_until", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("dialogs", sa.Column("summary_job_id", sa.Uuid(), nullable=True))
    op.add_column("dialogs", sa.Column("buttons_below", sa.Text(), nullable=True))
    op.add_column(
        "dialogs", sa.Column("used_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False)
    )
    op.execute("UPDATE dialogs SET used_at = created_at")
    op.create_table(
        "greeting_files",
        sa.Column("bot_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("persona", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("file_id", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("bot_id", "persona", name=op.f("pk_greeting_files")),
    )


def downgrade() -> None:
    op.drop_table("greeting_files")
    for name in ("used_at", "buttons_below", "summary_job_id", "summarised_until", "summary", "greeting"):
        op.drop_column("dialogs", name)
