"""What was written, and drawn, for a moment of a dialog."""

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, Table, Text, Uuid

from jobs.db.tables.columns import metadata, moment

dialog_pictures = Table(
    "dialog_pictures",
    metadata,
    Column(
        "dialog_id",
        BigInteger,
        ForeignKey("dialogs.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    # which moment: so many messages had the person written
    Column("message_count", Integer, primary_key=True, autoincrement=False),
    Column("prompt", Text, nullable=False),
    Column("seed", BigInteger, nullable=False),
    # the picture, once it is drawn; it may have been forgotten since
    Column("media_id", Uuid),
    moment("created_at", required=True),
)
