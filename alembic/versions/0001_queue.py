"""The queue: procrastinate's own schema, as its pinned release ships it, and the indexes that keep its fetch flat."""

import hashlib

from alembic import op
from procrastinate.schema import SchemaManager

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# the schema of procrastinate 3.4 to 3.10. Another text needs a revision that runs the release's own upgrade scripts
SCHEMA_SHA256 = "c70ec4b400a60ad9592787653aae5ae77ae41bf801d56b5bd2712751a07f2009"
QUEUES = ["image", "llm", "analysis", "world", "telegram", "webhooks", "housekeeping", *(f"gpu-{n}" for n in range(8))]


def upgrade() -> None:
    schema = SchemaManager.get_schema()
    digest = hashlib.sha256(schema.encode()).hexdigest()
    if digest != SCHEMA_SHA256:
        raise RuntimeError(f"This procrastinate ships another schema ({digest}); add a revision that upgrades to it.")
    # the raw connection, in the same transaction: a script of many statements with % signs in it
    op.get_bind().connection.driver_connection.execute(schema)
    for queue in QUEUES:
        # without its own index a queue's fetch walks the backlog of every other queue
        op.execute(
            f'CREATE INDEX "postgen_fetch_{queue}" ON procrastinate_jobs (priority DESC, id) '
            f"WHERE status = 'todo' AND queue_name = '{queue}'"
        )
    op.execute(
        "CREATE INDEX postgen_locks ON procrastinate_jobs (lock) WHERE status IN ('todo', 'doing') AND lock IS NOT NULL"
    )
    # serves the lock rule of procrastinate's own fetch only; ours has a better one, and with old statistics takes this
    op.execute("DROP INDEX procrastinate_jobs_id_lock_idx_v1")
    # a worker that starts or stops updates its tickets through this foreign key
    op.execute("CREATE INDEX postgen_worker ON procrastinate_jobs (worker_id) WHERE worker_id IS NOT NULL")
    for table in ("procrastinate_jobs", "procrastinate_events"):
        op.execute(
            f"ALTER TABLE {table} SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_limit = 2000)"
        )


def downgrade() -> None:
    op.execute(
        """
        DO $$
        DECLARE statement text;
        BEGIN
            FOR statement IN
                SELECT format('DROP TABLE IF EXISTS %s CASCADE', c.oid::regclass)
                FROM pg_class c
                WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace
                  AND c.relname LIKE 'procrastinate\\_%'
            LOOP EXECUTE statement; END LOOP;
            FOR statement IN
                SELECT format('DROP FUNCTION IF EXISTS %s CASCADE', p.oid::regprocedure)
                FROM pg_proc p
                WHERE p.pronamespace = current_schema()::regnamespace AND p.proname LIKE 'procrastinate\\_%'
            LOOP EXECUTE statement; END LOOP;
            FOR statement IN
                SELECT format('DROP TYPE IF EXISTS %s CASCADE', t.oid::regtype)
                FROM pg_type t
                WHERE t.typnamespace = current_schema()::regnamespace AND t.typname LIKE 'procrastinate\\_%'
                  AND t.typcategory <> 'A'
            LOOP EXECUTE statement; END LOOP;
        END $$
        """
    )
