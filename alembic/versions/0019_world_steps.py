"""Worlds without pictures; and calls for which nobody waits leave the places that are kept free really free."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

FREE_SLOT = """
CREATE OR REPLACE FUNCTION postgen_free_slot(of_pool text, most integer) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    found_number integer;
BEGIN
    {before}
    FOR look IN 1..2 LOOP
        SELECT number INTO found_number FROM provider_slots
            WHERE pool = of_pool AND number < most AND (until IS NULL OR until <= clock_timestamp())
            ORDER BY number LIMIT 1 FOR UPDATE SKIP LOCKED;
        EXIT WHEN found_number IS NOT NULL
            OR most <= (SELECT count(*) FROM provider_slots WHERE pool = of_pool AND number < most);
        INSERT INTO provider_slots (pool, number) SELECT of_pool, generate_series(0, most - 1) ON CONFLICT DO NOTHING;
    END LOOP;
    RETURN found_number;
END $$
"""

# Who may take fewer places than there are counts all that are taken, not only those it may take: else a place that
# comes free while others hold the free ones goes to whoever asks first, and that is not who is waited for.
COUNT_ALL = """
    IF most <= (SELECT count(*) FROM provider_slots WHERE pool = of_pool AND until > clock_timestamp()) THEN
        RETURN NULL;
    END IF;
"""


def upgrade() -> None:
    op.add_column("worlds", sa.Column("pictures", sa.Boolean(), nullable=False, server_default=sa.text("true")))
    op.execute(FREE_SLOT.format(before=COUNT_ALL.strip()))


def downgrade() -> None:
    op.execute(FREE_SLOT.format(before=""))
    op.drop_column("worlds", "pictures")
