"""Trees of jobs: which step a job is, and how a root knows that all below it is done."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

# A root whose own run is over has nothing to wait for in a queue: tried again, it goes on waiting for its steps.
ROOTS_GO_ON = """
CREATE OR REPLACE FUNCTION postgen_status_moves_forward() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status = 'pending' AND NEW.status <> 'pending' THEN RETURN NEW; END IF;
    IF OLD.status = 'processing' AND NEW.status IN ('completed', 'failed', 'cancelled', 'expired')
    THEN RETURN NEW; END IF;
    IF NEW.retries = OLD.retries + 1 THEN
        IF OLD.status IN ('failed', 'cancelled', 'expired') AND NEW.status = 'pending' AND OLD.ran_at IS NULL
        THEN RETURN NEW; END IF;
        IF (OLD.status IN ('failed', 'cancelled', 'expired') OR (OLD.status = 'completed' AND OLD.partial))
            AND NEW.status = 'processing' AND OLD.ran_at IS NOT NULL AND NEW.ran_at = OLD.ran_at
        THEN RETURN NEW; END IF;
    END IF;
    RAISE EXCEPTION 'job % cannot go from % to %', OLD.id, OLD.status, NEW.status USING ERRCODE = 'check_violation';
END $$;
"""

AS_BEFORE = """
CREATE OR REPLACE FUNCTION postgen_status_moves_forward() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status = 'pending' AND NEW.status <> 'pending' THEN RETURN NEW; END IF;
    IF OLD.status = 'processing' AND NEW.status IN ('completed', 'failed', 'cancelled', 'expired')
    THEN RETURN NEW; END IF;
    IF OLD.status IN ('failed', 'cancelled', 'expired') AND NEW.status = 'pending' AND NEW.retries = OLD.retries + 1
    THEN RETURN NEW; END IF;
    RAISE EXCEPTION 'job % cannot go from % to %', OLD.id, OLD.status, NEW.status USING ERRCODE = 'check_violation';
END $$;
"""

OPEN_STEP = "root_id is not null and status in ('pending', 'processing')"
FAILED_STEP = "critical and root_id is not null and status in ('failed', 'cancelled', 'expired')"
OPEN_TREE = "ran_at is not null and status = 'processing'"


def upgrade() -> None:
    op.add_column("jobs", sa.Column("stage", sa.Text(), nullable=True))
    op.add_column("jobs", sa.Column("critical", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.add_column("jobs", sa.Column("ran_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("jobs", sa.Column("progressed_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_jobs_open_steps", "jobs", ["root_id"], unique=False, postgresql_where=sa.text(OPEN_STEP))
    op.create_index(
        "ix_jobs_failed_critical_steps", "jobs", ["root_id"], unique=False, postgresql_where=sa.text(FAILED_STEP)
    )
    op.create_index("ix_jobs_open_trees", "jobs", ["ran_at"], unique=False, postgresql_where=sa.text(OPEN_TREE))
    op.execute(ROOTS_GO_ON)


def downgrade() -> None:
    op.execute(AS_BEFORE)
    op.drop_index("ix_jobs_open_trees", table_name="jobs", postgresql_where=sa.text(OPEN_TREE))
    op.drop_index("ix_jobs_failed_critical_steps", table_name="jobs", postgresql_where=sa.text(FAILED_STEP))
    op.drop_index("ix_jobs_open_steps", table_name="jobs", postgresql_where=sa.text(OPEN_STEP))
    op.drop_column("jobs", "progressed_at")
    op.drop_column("jobs", "ran_at")
    op.drop_column("jobs", "critical")
    op.drop_column("jobs", "stage")
