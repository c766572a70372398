"""What people set in the bot, and what its operators do with it."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


# two random UUIDs hold 244 random bits
RANDOM_BYTES = """
INSERT INTO installation_secrets (name, secret)
VALUES ('erased_people', decode(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex'))
"""


def upgrade() -> None:
    op.add_column("telegram_users", sa.Column("auto_pictures", sa.Boolean(), server_default="true", nullable=False))
    op.add_column("telegram_users", sa.Column("banned_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("telegram_users", sa.Column("erasing_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "telegram_users",
        sa.Column("notices", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
    )
    op.create_index(
        "ix_jobs_owner_open", "jobs", ["owner"], postgresql_where=sa.text("status in ('pending', 'processing')")
    )
    op.create_index("ix_media_owner", "media", ["owner"])
    op.create_table(
        "maintenance",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("words", sa.Text(), server_default="", nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_maintenance_single")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_maintenance")),
    )
    op.create_table(
        "admin_acts",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("admin_id", sa.BigInteger(), nullable=False),
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_admin_acts")),
    )
    op.create_index("ix_admin_acts_created_at", "admin_acts", ["created_at"])
    op.create_table(
        "erased_people",
        sa.Column("mark", sa.LargeBinary(), nullable=False),
        sa.Column("energy_owed", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("diamonds_owed", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("erased_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("mark", name=op.f("pk_erased_people")),
    )
    op.execute(RANDOM_BYTES)
    op.create_table(
        "broadcasts",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("admin_id", sa.BigInteger(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("locale", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), server_default="draft", nullable=False),
        sa.Column("people", sa.Integer(), server_default="0", nullable=False),
        sa.Column("message_id", sa.BigInteger(), nullable=True),
        sa.Column("job_id", sa.Uuid(), nullable=True),
        sa.Column("told", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("edits", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "status in ('draft','running','stopping','done','stopped')", name=op.f("ck_broadcasts_status")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_broadcasts")),
    )
    op.create_index(
        "ix_broadcasts_going", "broadcasts", ["id"], postgresql_where=sa.text("status in ('running','stopping')")
    )


def downgrade() -> None:
    op.execute("DELETE FROM installation_secrets WHERE name = 'erased_people'")
    op.drop_table("erased_people")
    op.drop_table("broadcasts")
    op.drop_table("admin_acts")
    op.drop_table("maintenance")
    op.drop_index("ix_media_owner", table_name="media")
    op.drop_index("ix_jobs_owner_open", table_name="jobs")
    for name in ("notices", "erasing_at", "banned_at", "auto_pictures"):
        op.drop_column("telegram_users", name)
