"""Content rules: what was blocked, who is suspended, who said that they are of age."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "content_blocks",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("counts", sa.Boolean(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=True),
        sa.Column("job_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("stage in ('submit','prompt','answer')", name=op.f("ck_content_blocks_stage")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_content_blocks")),
    )
    op.create_index("ix_content_blocks_owner_created_at", "content_blocks", ["owner", "created_at"])
    op.create_index("ix_content_blocks_created_at", "content_blocks", ["created_at"])
    op.create_table(
        "suspensions",
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("blocks", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("owner", name=op.f("pk_suspensions")),
    )
    op.add_column("telegram_users", sa.Column("age_confirmed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("telegram_users", sa.Column("age_policy", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("telegram_users", "age_policy")
    op.drop_column("telegram_users", "age_confirmed_at")
    op.drop_table("suspensions")
    op.drop_table("content_blocks")
