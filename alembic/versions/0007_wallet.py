"""The wallet: a ledger that is only ever added to, invoices and payments in Telegram Stars."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

# The balance is what all entries add up to: each one goes on where the one before it ended, and none ever changes.
# To be forgotten, a person gets another number, which is negative and means nobody.
KEEP = """
CREATE FUNCTION postgen_add_entry() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    before bigint := 0;
BEGIN
    IF NEW.number > 1 THEN
        SELECT balance INTO before FROM wallet_entries
        WHERE user_id = NEW.user_id AND unit = NEW.unit AND number = NEW.number - 1;
    END IF;
    IF NEW.number < 1 OR before IS NULL OR NEW.balance <> before + NEW.came + NEW.amount THEN
        RAISE EXCEPTION 'an entry must go on where the one before it ended' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER wallet_entries_add BEFORE INSERT ON wallet_entries
    FOR EACH ROW EXECUTE FUNCTION postgen_add_entry();
CREATE FUNCTION postgen_keep_entry() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.user_id > 0 AND NEW.user_id < 0
        AND to_jsonb(NEW) - 'user_id' = to_jsonb(OLD) - 'user_id' THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'an entry stays as it is; write another one' USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER wallet_entries_keep BEFORE UPDATE OR DELETE ON wallet_entries
    FOR EACH ROW EXECUTE FUNCTION postgen_keep_entry();
"""


def upgrade() -> None:
    op.create_table(
        "wallet_entries",
        sa.Column("user_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("came", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("balance", sa.BigInteger(), nullable=False),
        sa.Column("counted_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("item", sa.Text(), nullable=True),
        sa.Column("job_id", sa.Uuid(), nullable=True),
        sa.Column("retry", sa.Integer(), nullable=True),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "unit in ('energy','diamonds','energy_owed','diamonds_owed')", name=op.f("ck_wallet_entries_unit")
        ),
        sa.CheckConstraint(
            "reason in ('charge','refund','purchase','payment_refunded','settlement','gift')",
            name=op.f("ck_wallet_entries_reason"),
        ),
        sa.CheckConstraint("balance >= 0", name=op.f("ck_wallet_entries_balance")),
        sa.CheckConstraint("came >= 0", name=op.f("ck_wallet_entries_came")),
        sa.CheckConstraint("(job_id is null) = (retry is null)", name=op.f("ck_wallet_entries_retry")),
        sa.PrimaryKeyConstraint("user_id", "unit", "number", name=op.f("pk_wallet_entries")),
    )
    op.create_index(
        "uq_wallet_entries_job",
        "wallet_entries",
        ["job_id", "retry", "reason", "unit"],
        unique=True,
        postgresql_where=sa.text("job_id is not null"),
    )
    op.create_index(
        "uq_wallet_entries_reference",
        "wallet_entries",
        ["reference", "reason", "unit"],
        unique=True,
        postgresql_where=sa.text("reference is not null"),
    )
    op.create_table(
        "star_orders",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("stars", sa.Integer(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("unit in ('energy','diamonds')", name=op.f("ck_star_orders_unit")),
        sa.CheckConstraint("stars > 0 and amount > 0", name=op.f("ck_star_orders_amount")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_star_orders")),
    )
    op.create_index("ix_star_orders_created_at", "star_orders", ["created_at"], unique=False)
    op.create_table(
        "star_payments",
        sa.Column("charge_id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=True),
        sa.Column("stars", sa.Integer(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=True),
        sa.Column("amount", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("paid_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("refunded_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("unit in ('energy','diamonds')", name=op.f("ck_star_payments_unit")),
        sa.PrimaryKeyConstraint("charge_id", name=op.f("pk_star_payments")),
    )
    op.create_index("ix_star_payments_user_id", "star_payments", ["user_id", "paid_at"], unique=False)
    op.create_index(
        "ix_star_payments_order_id",
        "star_payments",
        ["order_id"],
        unique=False,
        postgresql_where=sa.text("order_id is not null"),
    )
    op.create_index("ix_star_payments_paid_at", "star_payments", ["paid_at"], unique=False)
    op.create_table(
        "star_reconciliations",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("compared", sa.Integer(), nullable=False),
        sa.Column("credited", sa.Integer(), nullable=False),
        sa.Column("taken_back", sa.Integer(), nullable=False),
        sa.Column("unexplained", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_star_reconciliations")),
    )
    op.execute(KEEP)


def downgrade() -> None:
    op.drop_table("star_reconciliations")
    op.drop_table("star_payments")
    op.drop_table("star_orders")
    op.drop_table("wallet_entries")
    op.execute("DROP FUNCTION postgen_keep_entry")
    op.execute("DROP FUNCTION postgen_add_entry")
