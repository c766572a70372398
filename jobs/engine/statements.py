"""The engine's SQL on procrastinate's tables. A statement may run twice, and changes only tickets of this worker.

`worker_id` is the fence: a ticket that was given to another worker meanwhile is no longer ours to end.
"""

DELETE = """
DELETE FROM procrastinate_jobs WHERE id = ANY(%(ids)s) AND worker_id = %(worker_id)s AND status = 'doing' RETURNING id
"""

KEEP = """
UPDATE procrastinate_jobs SET status = 'succeeded', abort_requested = false, attempts = attempts + 1
 WHERE id = ANY(%(ids)s) AND worker_id = %(worker_id)s AND status = 'doing' RETURNING id
"""

# procrastinate announces new tickets only; who waits for a lock would wait for the next look
ANNOUNCE_NEXT = """
SELECT pg_notify(channel, json_build_object('type', 'job_inserted', 'job_id', next.id)::text)
  FROM (SELECT DISTINCT ON (lock) id, queue_name FROM procrastinate_jobs
         WHERE lock = ANY(%(locks)s) AND status = 'todo' ORDER BY lock, priority DESC, id) AS next
 CROSS JOIN LATERAL unnest(ARRAY['procrastinate_queue_v1#' || queue_name, 'procrastinate_any_queue_v1']) AS channel
"""

GIVE_BACK = """
WITH back AS (
    UPDATE procrastinate_jobs
       SET status = 'todo', worker_id = NULL, abort_requested = false, scheduled_at = NULL
     WHERE id = %(id)s AND worker_id = %(worker_id)s AND status = 'doing' RETURNING id, queue_name
)
SELECT pg_notify(channel, json_build_object('type', 'job_inserted', 'job_id', back.id)::text)
  FROM back
 CROSS JOIN LATERAL unnest(ARRAY['procrastinate_queue_v1#' || queue_name, 'procrastinate_any_queue_v1']) AS channel
"""

RETRY_LATER = """
UPDATE procrastinate_jobs
   SET status = 'todo', worker_id = NULL, abort_requested = false, attempts = attempts + 1,
       scheduled_at = now() + make_interval(secs => %(wait)s)
 WHERE id = %(id)s AND worker_id = %(worker_id)s AND status = 'doing' RETURNING id
"""

# a worker whose row was removed while it could not be heard takes its place again
HEARTBEAT = """
WITH known AS (
    INSERT INTO workers (id, name, queues, host, pid)
    VALUES (%(worker_id)s, %(name)s, %(queues)s, %(host)s, %(pid)s) ON CONFLICT (id) DO NOTHING
)
INSERT INTO procrastinate_workers (id, last_heartbeat) OVERRIDING SYSTEM VALUE VALUES (%(worker_id)s, now())
ON CONFLICT (id) DO UPDATE SET last_heartbeat = now()
RETURNING id
"""

HELD = "SELECT id, abort_requested FROM procrastinate_jobs WHERE worker_id = %(worker_id)s AND status = 'doing'"

REGISTER = "SELECT worker_id FROM procrastinate_register_worker_v1()"

UNREGISTER = """
WITH gone AS (DELETE FROM workers WHERE id = %(worker_id)s)
SELECT procrastinate_unregister_worker_v1(%(worker_id)s)
"""
