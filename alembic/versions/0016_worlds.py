"""Worlds, the people who live in them, and what these post; turns and a limit for all workers in their queue."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

# How many more tickets of a queue may run, of so many in all workers together. Who asks holds the queue until the end
# of their transaction, and the count is made after that, with what those before them took.
ROOM = """
CREATE FUNCTION postgen_room(of_queue text, most integer) RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(7236453, hashtext(of_queue));
    RETURN greatest(0, most - (SELECT count(*) FROM procrastinate_jobs
        WHERE status = 'doing' AND worker_id IS NOT NULL AND queue_name = of_queue));
END $$
"""


def upgrade() -> None:
    op.create_table(
        "worlds",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("prompt", sa.Text(), nullable=False),
        sa.Column("users", sa.Integer(), nullable=False),
        sa.Column("posts", sa.Integer(), nullable=False),
        sa.Column("language", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("theme", sa.Text(), nullable=True),
        sa.Column("technology_level", sa.Text(), nullable=True),
        sa.Column("social_structure", sa.Text(), nullable=True),
        sa.Column("culture", sa.Text(), nullable=True),
        sa.Column("geography", sa.Text(), nullable=True),
        sa.Column("visual_style", sa.Text(), nullable=True),
        sa.Column("history", sa.Text(), nullable=True),
        sa.Column(
            "notable_locations", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'"), nullable=False
        ),
        sa.Column(
            "social_groups", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'"), nullable=False
        ),
        sa.Column("image_style", sa.Text(), nullable=True),
        sa.Column("background_prompt", sa.Text(), nullable=True),
        sa.Column("icon_prompt", sa.Text(), nullable=True),
        sa.Column("background_media_id", sa.Uuid(), nullable=True),
        sa.Column("icon_media_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("described_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("users >= 1 and posts >= 0", name=op.f("ck_worlds_numbers")),
        sa.ForeignKeyConstraint(["id"], ["jobs.id"], name=op.f("fk_worlds_id"), ondelete="CASCADE"),
        _media("worlds", "background_media_id"),
        _media("worlds", "icon_media_id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_worlds")),
    )
    op.create_index("ix_worlds_owner_created_at", "worlds", ["owner", "created_at", "id"])
    op.create_index("ix_worlds_background_media_id", "worlds", ["background_media_id"])
    op.create_index("ix_worlds_icon_media_id", "worlds", ["icon_media_id"])
    op.create_table(
        "characters",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("world_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("username", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("social_group", sa.Text(), nullable=False),
        sa.Column("concept", sa.Text(), nullable=False),
        sa.Column("posts", sa.Integer(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=True),
        sa.Column("bio", sa.Text(), nullable=True),
        sa.Column("appearance", sa.Text(), nullable=True),
        sa.Column("personality", sa.Text(), nullable=True),
        sa.Column("avatar_description", sa.Text(), nullable=True),
        sa.Column("interests", sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("speaking_style", sa.Text(), nullable=True),
        sa.Column("avatar_media_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["world_id"], ["worlds.id"], name=op.f("fk_characters_world_id"), ondelete="CASCADE"),
        _media("characters", "avatar_media_id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_characters")),
        sa.UniqueConstraint("world_id", "position", name=op.f("uq_characters_world_id_position")),
        sa.UniqueConstraint("world_id", "username", name=op.f("uq_characters_world_id_username")),
    )
    op.create_index("ix_characters_avatar_media_id", "characters", ["avatar_media_id"])
    op.create_table(
        "posts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("world_id", sa.Uuid(), nullable=False),
        sa.Column("character_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("concept", sa.Text(), nullable=False),
        sa.Column("has_image", sa.Boolean(), nullable=False),
        sa.Column("content", sa.Text(), nullable=True),
        sa.Column("image_prompt", sa.Text(), nullable=True),
        sa.Column("hashtags", sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("mood", sa.Text(), nullable=True),
        sa.Column("context", sa.Text(), nullable=True),
        sa.Column("image_media_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["world_id"], ["worlds.id"], name=op.f("fk_posts_world_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["character_id"], ["characters.id"], name=op.f("fk_posts_character_id"), ondelete="CASCADE"
        ),
        _media("posts", "image_media_id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_posts")),
        sa.UniqueConstraint("world_id", "position", name=op.f("uq_posts_world_id_position")),
    )
    op.create_index("ix_posts_character_id", "posts", ["character_id", "position"])
    op.create_index("ix_posts_image_media_id", "posts", ["image_media_id"])
    op.create_table(
        "queue_turns",
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("turn", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("queue", name=op.f("pk_queue_turns")),
    )
    op.execute(ROOM)


def downgrade() -> None:
    op.execute("DROP FUNCTION postgen_room(text, integer)")
    for table in ("queue_turns", "posts", "characters", "worlds"):
        op.drop_table(table)


def _media(table: str, column: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], ["media.id"], name=op.f(f"fk_{table}_{column}"), ondelete="SET NULL")
