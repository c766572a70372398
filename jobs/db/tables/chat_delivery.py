"""How fast a chat may be written to now, and which drafts their reader has stopped."""

from sqlalchemy import BigInteger, Column, ForeignKey, Table, Uuid

from jobs.db.tables.columns import metadata, moment

# row 0 is the whole bot; migration 0013 has the functions that read and write it
chat_pace = Table(
    "chat_pace",
    metadata,
    Column("chat_id", BigInteger, primary_key=True, autoincrement=False),
    # when its bucket would be full again
    moment("next_at"),
    # Telegram asked to wait so long
    moment("paused_until"),
    # it does not take drafts until then
    moment("no_drafts_until"),
    # of the whole bot: which chat was told to wait last, when, and until when
    Column("refused_chat", BigInteger),
    moment("refused_at"),
    moment("refused_until"),
    prefixes=["UNLOGGED"],
    postgresql_with={"fillfactor": 50},
)

# whoever reads a reply while it is written may stop the writing: this run of its job shall end with what there is
draft_stops = Table(
    "draft_stops",
    metadata,
    Column("job_id", Uuid, ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("run_token", Uuid, nullable=False),
    moment("created_at", required=True),
)
