"""Worlds, the people who live in them, and what these post; and whose turn it is in a queue that several share."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from jobs.db.tables.columns import metadata, moment


def _picture(name: str) -> Column[object]:
    """Without the file the row is still there."""
    return Column(name, Uuid, ForeignKey("media.id", ondelete="SET NULL"))


def _words(name: str) -> Column[object]:
    """Written by the step that completes the row."""
    return Column(name, Text)


def _list(name: str) -> Column[object]:
    return Column(name, ARRAY(Text), nullable=False, server_default=text("'{}'"))


worlds = Table(
    "worlds",
    metadata,
    # that of the job which makes it, and it is kept as long as that
    Column("id", Uuid, ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("owner", Text, nullable=False),
    Column("prompt", Text, nullable=False),
    # how many were asked for
    Column("users", Integer, nullable=False),
    Column("posts", Integer, nullable=False),
    # without: text alone
    Column("pictures", Boolean, nullable=False, server_default=text("true")),
    _words("language"),
    _words("name"),
    _words("description"),
    _words("theme"),
    _words("technology_level"),
    _words("social_structure"),
    _words("culture"),
    _words("geography"),
    _words("visual_style"),
    _words("history"),
    # [{name, description}]
    Column("notable_locations", JSONB, nullable=False, server_default=text("'[]'")),
    # groups of its society, over whose roles its people are spread: [{name, description, roles}]
    Column("social_groups", JSONB, nullable=False, server_default=text("'[]'")),
    # for whoever draws: in English
    _words("image_style"),
    _words("background_prompt"),
    _words("icon_prompt"),
    _picture("background_media_id"),
    _picture("icon_media_id"),
    moment("created_at", required=True),
    moment("described_at"),
    CheckConstraint("users >= 1 and posts >= 0", name="numbers"),
    Index("ix_worlds_owner_created_at", "owner", "created_at", "id"),
    Index("ix_worlds_background_media_id", "background_media_id"),
    Index("ix_worlds_icon_media_id", "icon_media_id"),
)

characters = Table(
    "characters",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("world_id", Uuid, ForeignKey("worlds.id", ondelete="CASCADE"), nullable=False),
    # from 1
    Column("position", Integer, nullable=False),
    # in small letters
    Column("username", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("social_group", Text, nullable=False),
    Column("concept", Text, nullable=False),
    # how many posts are planned
    Column("posts", Integer, nullable=False),
    _words("display_name"),
    _words("bio"),
    _words("appearance"),
    _words("personality"),
    _words("avatar_description"),
    _list("interests"),
    _words("speaking_style"),
    _picture("avatar_media_id"),
    moment("created_at", required=True),
    moment("written_at"),
    UniqueConstraint("world_id", "position"),
    UniqueConstraint("world_id", "username"),
    Index("ix_characters_avatar_media_id", "avatar_media_id"),
)

posts = Table(
    "posts",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("world_id", Uuid, ForeignKey("worlds.id", ondelete="CASCADE"), nullable=False),
    Column("character_id", Uuid, ForeignKey("characters.id", ondelete="CASCADE"), nullable=False),
    # from 1, in the order of the world's feed
    Column("position", Integer, nullable=False),
    Column("concept", Text, nullable=False),
    Column("has_image", Boolean, nullable=False),
    _words("content"),
    _words("image_prompt"),
    _list("hashtags"),
    _words("mood"),
    _words("context"),
    _picture("image_media_id"),
    moment("created_at", required=True),
    moment("written_at"),
    UniqueConstraint("world_id", "position"),
    Index("ix_posts_character_id", "character_id", "position"),
    Index("ix_posts_image_media_id", "image_media_id"),
)

queue_turns = Table(
    "queue_turns",
    metadata,
    Column("queue", Text, primary_key=True),
    # the one that the queue serves now: see jobs/lanes/fairness.py
    Column("turn", BigInteger, nullable=False, server_default="0"),
)
