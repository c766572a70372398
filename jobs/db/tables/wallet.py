"""Who has how much, and why: the ledger, invoices in Telegram Stars, and what was paid."""

from sqlalchemy import BigInteger, CheckConstraint, Column, Identity, Index, Integer, Table, Text, Uuid, text

from jobs.db.tables.columns import metadata, moment

# Only ever added to. An entry goes on where the one before it ended: a trigger refuses any other, and any change; so
# the newest balance is the sum of all entries. The exception: a person who wants to be forgotten gets a negative id.
wallet_entries = Table(
    "wallet_entries",
    metadata,
    # Telegram's id, without a foreign key: the sums outlive the person's other data
    Column("user_id", BigInteger, primary_key=True, autoincrement=False),
    # what is owed was given back to Telegram after it had been spent
    Column("unit", Text, primary_key=True),
    # two that post at once want the same number, and one of them looks again
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("reason", Text, nullable=False),
    Column("amount", BigInteger, nullable=False),
    # what had come by itself since the entry before: the gift for newcomers, energy that time brought back
    Column("came", BigInteger, nullable=False, server_default="0"),
    Column("balance", BigInteger, nullable=False),
    # the moment up to which `came` has been counted
    moment("counted_at", required=True),
    # what was paid for; of a job also which of its tries. Jobs are forgotten by age, entries are not
    Column("item", Text),
    Column("job_id", Uuid),
    Column("retry", Integer),
    # what else must happen once: a charge id of Telegram's, an operator's gift
    Column("reference", Text),
    moment("created_at", required=True),
    CheckConstraint("unit in ('energy','diamonds','energy_owed','diamonds_owed')", name="unit"),
    CheckConstraint(
        "reason in ('charge','refund','purchase','payment_refunded','settlement','gift')",
        name="reason",
    ),
    CheckConstraint("balance >= 0", name="balance"),
    CheckConstraint("came >= 0", name="came"),
    CheckConstraint("(job_id is null) = (retry is null)", name="retry"),
    Index(
        "uq_wallet_entries_job",
        "job_id",
        "retry",
        "reason",
        "unit",
        unique=True,
        postgresql_where=text("job_id is not null"),
    ),
    Index(
        "uq_wallet_entries_reference",
        "reference",
        "reason",
        "unit",
        unique=True,
        postgresql_where=text("reference is not null"),
    ),
)

# an invoice carries the id of its order, so that nobody pays for another person's, or twice
star_orders = Table(
    "star_orders",
    metadata,
    Column("id", Uuid, primary_key=True, server_default=text("gen_random_uuid()")),
    Column("user_id", BigInteger, nullable=False),
    Column("stars", Integer, nullable=False),
    Column("unit", Text, nullable=False),
    Column("amount", BigInteger, nullable=False),
    moment("created_at", required=True),
    CheckConstraint("unit in ('energy','diamonds')", name="unit"),
    CheckConstraint("stars > 0 and amount > 0", name="amount"),
    Index("ix_star_orders_created_at", "created_at"),
)

# one row for each charge of Telegram's, whatever it was for
star_payments = Table(
    "star_payments",
    metadata,
    Column("charge_id", Text, primary_key=True),
    Column("user_id", BigInteger, nullable=False),
    Column("order_id", Uuid),
    Column("stars", Integer, nullable=False),
    # what was given for it; no unit where nobody knows what it was for
    Column("unit", Text),
    Column("amount", BigInteger, nullable=False, server_default="0"),
    moment("paid_at", required=True),
    moment("refunded_at"),
    CheckConstraint("unit in ('energy','diamonds')", name="unit"),
    Index("ix_star_payments_user_id", "user_id", "paid_at"),
    Index("ix_star_payments_order_id", "order_id", postgresql_where=text("order_id is not null")),
    Index("ix_star_payments_paid_at", "paid_at"),
)

# each comparison with Telegram's own list, and how far into it we know that both agree
star_reconciliations = Table(
    "star_reconciliations",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("compared", Integer, nullable=False),
    Column("credited", Integer, nullable=False),
    Column("taken_back", Integer, nullable=False),
    Column("unexplained", Integer, nullable=False),
    moment("created_at", required=True),
)
