"""What the bot's operators do: maintenance, broadcasts, and a log of every act."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    Uuid,
    text,
)

from jobs.db.tables.columns import json_object, metadata, moment

# its one row is there for as long as the bot takes in no work
maintenance = Table(
    "maintenance",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    # what people are told; a sentence of ours where it is empty
    Column("words", Text, nullable=False, server_default=""),
    moment("since", required=True),
    CheckConstraint("id = 1", name="single"),
)

# only ever added to
admin_acts = Table(
    "admin_acts",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("admin_id", BigInteger, nullable=False),
    Column("act", Text, nullable=False),
    # whom or what it was done to: a person's id, a charge, a broadcast
    Column("subject", Text),
    json_object("details"),
    moment("created_at", required=True),
    Index("ix_admin_acts_created_at", "created_at"),
)

# who wanted to be forgotten was given what newcomers are given: the mark of a person can be made from their id and a
# secret of this installation, and not be turned back into it
erased_people = Table(
    "erased_people",
    metadata,
    Column("mark", LargeBinary, primary_key=True),
    Column("energy_owed", BigInteger, nullable=False, server_default="0"),
    Column("diamonds_owed", BigInteger, nullable=False, server_default="0"),
    moment("erased_at", required=True),
)

broadcasts = Table(
    "broadcasts",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("admin_id", BigInteger, nullable=False),
    Column("words", Text, nullable=False),
    # for people who read this language; null for everybody
    Column("locale", Text),
    Column("status", Text, nullable=False, server_default="draft"),
    # how many were to get it when it began
    Column("people", Integer, nullable=False, server_default="0"),
    # the message to the admin that shows how far it is
    Column("message_id", BigInteger),
    # the root of its tree of jobs
    Column("job_id", Uuid),
    # what that message says, and how often it was written anew
    json_object("told"),
    Column("edits", Integer, nullable=False, server_default="0"),
    moment("created_at", required=True),
    moment("started_at"),
    moment("finished_at"),
    CheckConstraint("status in ('draft','running','stopping','done','stopped')", name="status"),
    Index("ix_broadcasts_going", "id", postgresql_where=text("status in ('running','stopping')")),
)
