"""The guard: breakers, slots and budgets of the providers, and a log of the calls to them."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# Breaker, slots and budgets in one round trip. Everything is looked at before anything is written, and what was
# counted for a call that is refused after all is taken back in the same transaction, so that each limit is exact.
# A call that goes well costs the breaker nothing but a look. All calls lock in the same order: slots, day, job,
# breaker. A crash of PostgreSQL may forget the last moments of this, never a result: so nobody waits for the disk.
ENTER = """
CREATE FUNCTION postgen_enter(
    new_call uuid, which text, sort text, most_of_sort integer, most_of_provider integer, most_of_day integer,
    root uuid, most_of_job integer, lease double precision,
    OUT verdict text, OUT wait double precision, OUT is_probe boolean, OUT reason text
) LANGUAGE plpgsql AS $$
DECLARE
    breaker providers;
    moment timestamptz := clock_timestamp();
    today date := (clock_timestamp() AT TIME ZONE 'UTC')::date;
    of_sort integer;
    of_provider integer;
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
    is_probe := false;
    wait := 0;
    SELECT * INTO breaker FROM providers WHERE name = which;
    IF NOT FOUND THEN
        INSERT INTO providers (name) VALUES (which) ON CONFLICT DO NOTHING;
    END IF;
    IF breaker.cool_until > moment THEN
        verdict := 'cooling';
        wait := extract(epoch FROM breaker.cool_until - moment);
        RETURN;
    END IF;
    IF breaker.open_until > moment THEN
        verdict := 'open';
        wait := extract(epoch FROM breaker.open_until - moment);
        reason := breaker.failure;
        RETURN;
    END IF;
    is_probe := breaker.open_until IS NOT NULL;
    -- who has waited for long may wait a little longer for what the probe finds out
    wait := coalesce(least(15, greatest(2, extract(epoch FROM breaker.open_until - breaker.changed_at) / 4)), 0);
    IF is_probe AND breaker.probe_until > moment THEN
        verdict := 'probing';
        reason := breaker.failure;
        RETURN;
    END IF;

    of_sort := postgen_free_slot('sort:' || sort, most_of_sort);
    IF of_sort IS NULL THEN
        verdict := 'full';
        reason := 'sort';
        RETURN;
    END IF;
    IF most_of_provider IS NOT NULL THEN
        of_provider := postgen_free_slot('provider:' || which, most_of_provider);
        IF of_provider IS NULL THEN
            verdict := 'full';
            reason := 'provider';
            RETURN;
        END IF;
    END IF;

    INSERT INTO provider_days AS counted (provider, day, calls) VALUES (which, today, 1)
        ON CONFLICT (provider, day) DO UPDATE SET calls = counted.calls + 1
        WHERE most_of_day IS NULL OR counted.calls < most_of_day;
    IF NOT FOUND THEN
        verdict := 'day_spent';
        RETURN;
    END IF;
    IF root IS NOT NULL AND most_of_job IS NOT NULL THEN
        INSERT INTO job_calls AS counted (root_id, sort, calls) VALUES (root, postgen_enter.sort, 1)
            ON CONFLICT ON CONSTRAINT pk_job_calls DO UPDATE SET calls = counted.calls + 1
            WHERE counted.calls < most_of_job;
        IF NOT FOUND THEN
            UPDATE provider_days SET calls = calls - 1 WHERE provider = which AND day = today;
            verdict := 'job_spent';
            RETURN;
        END IF;
    END IF;

    IF is_probe THEN
        UPDATE providers SET probe = new_call, probe_until = clock_timestamp() + make_interval(secs => lease)
            WHERE name = which AND open_until <= clock_timestamp()
            AND (probe_until IS NULL OR probe_until <= clock_timestamp());
        IF NOT FOUND THEN
            UPDATE provider_days SET calls = calls - 1 WHERE provider = which AND day = today;
            UPDATE job_calls SET calls = calls - 1
                WHERE root IS NOT NULL AND most_of_job IS NOT NULL AND root_id = root
                AND job_calls.sort = postgen_enter.sort;
            is_probe := false;
            verdict := 'probing';
            reason := breaker.failure;
            RETURN;
        END IF;
    END IF;

    UPDATE provider_slots SET call = new_call, provider = which,
        until = clock_timestamp() + make_interval(secs => lease)
        WHERE (pool = 'sort:' || postgen_enter.sort AND number = of_sort)
        OR (pool = 'provider:' || which AND number = of_provider);
    verdict := 'go';
END $$
"""

# Locks a free slot until the end of the transaction, or says null. Nobody waits for a slot that another is taking.
FREE_SLOT = """
CREATE FUNCTION postgen_free_slot(of_pool text, most integer) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    found_number integer;
BEGIN
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

# The slots come back, and the breaker hears how it went. `effect`: success, answered (an error that says nothing
# against the provider), failure (one of several), shut (it cannot go on: open at once), none (nothing was learnt).
# Only the probe closes what is open; what was under way when it opened changes nothing.
LEAVE = """
CREATE FUNCTION postgen_leave(
    old_call uuid, which text, effect text, class text, words text, cool double precision, shut_for double precision,
    threshold integer, first_open double precision, longest_open double precision
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
    UPDATE provider_slots SET call = NULL, until = NULL, provider = NULL WHERE call = old_call;
    IF effect = 'success' OR effect = 'answered' THEN
        UPDATE providers SET failures = 0, trips = 0, open_until = NULL, probe = NULL, probe_until = NULL,
            changed_at = clock_timestamp()
            WHERE name = which
            AND (probe = old_call OR (effect = 'success' AND open_until IS NULL AND failures > 0));
    ELSIF effect = 'failure' OR effect = 'shut' THEN
        -- failures that end together are counted one after the other
        PERFORM FROM providers WHERE name = which FOR UPDATE;
        UPDATE providers SET failures = 0, trips = trips + 1, probe = NULL, probe_until = NULL,
            open_until = clock_timestamp() + make_interval(secs => (0.9 + 0.2 * random()) * CASE effect
                WHEN 'shut' THEN shut_for ELSE least(longest_open, first_open * 2.0 ^ least(trips, 30)) END),
            changed_at = clock_timestamp()
            WHERE name = which
            AND (probe = old_call OR (open_until IS NULL AND (effect = 'shut' OR failures + 1 >= threshold)));
        IF NOT FOUND THEN
            UPDATE providers SET failures = failures + 1 WHERE name = which AND open_until IS NULL;
        END IF;
    ELSE
        UPDATE providers SET probe = NULL, probe_until = NULL WHERE name = which AND probe = old_call;
    END IF;
    IF cool > 0 THEN
        UPDATE providers SET cool_until = greatest(cool_until, clock_timestamp() + make_interval(secs => cool))
            WHERE name = which;
    END IF;
    IF class IS NOT NULL THEN
        UPDATE providers SET failure_class = class, failure = words, failed_at = clock_timestamp() WHERE name = which;
    END IF;
END $$
"""


def upgrade() -> None:
    op.create_table(
        "providers",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("max_concurrent", sa.Integer(), nullable=True),
        sa.Column("daily_calls", sa.Integer(), nullable=True),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("trips", sa.Integer(), server_default="0", nullable=False),
        sa.Column("open_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("probe", sa.Uuid(), nullable=True),
        sa.Column("probe_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cool_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failure_class", sa.Text(), nullable=True),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.Column("failed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_providers")),
        postgresql_with={"fillfactor": 50},
    )
    op.create_table(
        "provider_slots",
        sa.Column("pool", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("call", sa.Uuid(), nullable=True),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("provider", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("pool", "number", name=op.f("pk_provider_slots")),
        postgresql_with={"fillfactor": 50},
    )
    op.create_table(
        "provider_days",
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("calls", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("provider", "day", name=op.f("pk_provider_days")),
        postgresql_with={"fillfactor": 50},
    )
    op.create_table(
        "job_calls",
        sa.Column("root_id", sa.Uuid(), nullable=False),
        sa.Column("sort", sa.Text(), nullable=False),
        sa.Column("calls", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["root_id"], ["jobs.id"], name=op.f("fk_job_calls_root_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("root_id", "sort", name=op.f("pk_job_calls")),
    )
    op.create_table(
        "provider_calls",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("sort", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=True),
        sa.Column("job_id", sa.Uuid(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("status_code", sa.Integer(), nullable=True),
        sa.Column("latency_ms", sa.Integer(), nullable=False),
        sa.Column("prompt_tokens", sa.Integer(), nullable=True),
        sa.Column("completion_tokens", sa.Integer(), nullable=True),
        sa.Column("cost", sa.Float(), nullable=True),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("probe", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_provider_calls")),
    )
    op.create_index("ix_provider_calls_started_at", "provider_calls", ["started_at"], unique=False)
    op.create_index("ix_provider_calls_provider", "provider_calls", ["provider", "started_at"], unique=False)
    op.create_index(
        "ix_provider_calls_job_id",
        "provider_calls",
        ["job_id"],
        unique=False,
        postgresql_where=sa.text("job_id is not null"),
    )
    op.create_index(
        "ix_provider_calls_errors",
        "provider_calls",
        ["id"],
        unique=False,
        postgresql_where=sa.text("outcome <> 'success'"),
    )
    for function in (FREE_SLOT, ENTER, LEAVE):
        op.execute(function)


def downgrade() -> None:
    for function in ("postgen_leave", "postgen_enter", "postgen_free_slot"):
        op.execute(f"DROP FUNCTION {function}")
    for table in ("provider_calls", "job_calls", "provider_days", "provider_slots", "providers"):
        op.drop_table(table)
