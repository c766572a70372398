"""Greeting pictures that Telegram has already."""

from sqlalchemy import BigInteger, Column, Table, Text

from jobs.db.tables.columns import metadata, moment

greeting_files = Table(
    "greeting_files",
    metadata,
    # a file_id means nothing to another bot
    Column("bot_id", BigInteger, primary_key=True, autoincrement=False),
    Column("persona", Text, primary_key=True),
    # of the picture that was uploaded: another one is uploaded anew
    Column("sha256", Text, nullable=False),
    Column("file_id", Text, nullable=False),
    moment("created_at", required=True),
)
