"""Who is logged in to the pages, and who tries to be."""

from sqlalchemy import Column, DateTime, ForeignKey, Index, LargeBinary, Table, Uuid

from jobs.db.tables.columns import metadata, moment

page_sessions = Table(
    "page_sessions",
    metadata,
    # of what the cookie holds, so that nobody who reads this table can make one
    Column("token_hash", LargeBinary, primary_key=True),
    Column("key_id", Uuid, ForeignKey("api_keys.id", ondelete="CASCADE"), nullable=False),
    moment("made_at", required=True),
    # to the minute
    moment("used_at", required=True),
    Column("ends_at", DateTime(timezone=True), nullable=False),
    Index("ix_page_sessions_key_id", "key_id"),
    Index("ix_page_sessions_ends_at", "ends_at"),
)

page_logins = Table(
    "page_logins",
    metadata,
    # with a secret of this installation: nobody's address is kept
    Column("address_hash", LargeBinary, primary_key=True),
    # the generic cell rate algorithm's theoretical arrival time
    Column("arrival", DateTime(timezone=True), nullable=False),
    Index("ix_page_logins_arrival", "arrival"),
)
