"""What the database says at the end: does the ledger add up, is each reply paid once, and is anything left undone?"""

from dataclasses import dataclass

import psycopg

from bench.chat_load_verdict import Numbered
from bench.chat_load_words import answered_in

# what goes on, or will
OPEN = """
SELECT (SELECT count(*) FROM jobs WHERE status IN ('pending', 'processing'))
     + (SELECT count(*) FROM deliveries WHERE status IN ('pending', 'sending', 'held'))
     + (SELECT count(*) FROM procrastinate_jobs WHERE status IN ('todo', 'doing') AND queue_name <> 'housekeeping')
"""
# the books as anybody could check them, by nothing that the wallet itself uses
DRIFTED = """
SELECT count(*) FROM (
    SELECT sum(amount + came) AS total, (array_agg(balance ORDER BY number DESC))[1] AS balance, min(balance) AS least,
           count(*) AS entries, max(number) AS newest
      FROM wallet_entries GROUP BY user_id, unit) AS account
 WHERE total <> balance OR least < 0 OR entries <> newest
"""
CHARGED_WRONGLY = """
SELECT count(*) FROM (
    SELECT job.status, coalesce(sum(entry.amount) FILTER (WHERE entry.reason = 'charge'), 0) AS charged,
           count(*) FILTER (WHERE entry.reason = 'charge') AS charges,
           coalesce(sum(entry.amount) FILTER (WHERE entry.reason = 'refund'), 0) AS refunded
      FROM jobs AS job LEFT JOIN wallet_entries AS entry ON entry.job_id = job.id
     WHERE job.kind = 'generate_reply' GROUP BY job.id, job.status) AS paid
 WHERE charges <> 1 OR charged <> -%(price)s OR refunded <> CASE status WHEN 'completed' THEN 0 ELSE %(price)s END
"""
PAID_FOR_NOTHING = """
SELECT count(*) FROM wallet_entries AS entry WHERE reason IN ('charge', 'refund')
   AND NOT EXISTS (SELECT FROM jobs WHERE id = entry.job_id AND kind = 'generate_reply')
"""
REPLIES = "SELECT count(*) FROM jobs WHERE kind = 'generate_reply' AND status = 'completed'"
NOT_COMPLETED = "SELECT count(*) FROM jobs WHERE status <> 'completed'"
RUN_AGAIN = "SELECT count(*) FROM jobs WHERE kind = 'generate_reply' AND attempt > 1"
UNKNOWN = "SELECT destination, payload ->> 'text' FROM deliveries WHERE channel = 'telegram' AND status = 'unknown'"
FAILED = "SELECT count(*) FROM deliveries WHERE status = 'failed'"
LEFT_OF_JOBS = """
SELECT concat_ws(' ', 'job', job.id, job.owner, job.status, 'attempt', job.attempt, 'ticket', ticket.status,
                 ticket.scheduled_at, 'worker', ticket.worker_id, job.error)
  FROM jobs AS job LEFT JOIN procrastinate_jobs AS ticket ON ticket.id = job.ticket_id
 WHERE job.status <> 'completed' ORDER BY job.created_at LIMIT 5
"""
LEFT_OF_DELIVERIES = """
SELECT concat_ws(' ', 'delivery', id, 'to', destination, status, 'attempt', attempt, error)
  FROM deliveries WHERE status <> 'sent' ORDER BY id LIMIT 5
"""


@dataclass(frozen=True)
class Books:
    """`wrongly_charged`: replies that were not paid exactly once (or paid and not refunded, where they failed).

    `unpaid_for`: charges and refunds that belong to no reply. `run_again`: begun more than once.
    """

    replies: int
    drifted: int
    wrongly_charged: int
    unpaid_for: int
    not_completed: int
    run_again: int
    failed_deliveries: int
    unknown: frozenset[Numbered]
    unknown_deliveries: int
    unfinished: int


def unfinished(database_url: str) -> int:
    with psycopg.connect(database_url) as connection:
        return _number(connection, OPEN)


def unknown(database_url: str) -> list[tuple[int, tuple[int, ...]]]:
    """Chat and answered messages of each delivery of which nobody knows whether it arrived."""
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(UNKNOWN.encode()).fetchall()
    return [(int(chat), answered_in(words or "")) for chat, words in rows]


def books(database_url: str, price: int) -> Books:
    doubtful = unknown(database_url)
    with psycopg.connect(database_url) as connection:
        return Books(
            replies=_number(connection, REPLIES),
            drifted=_number(connection, DRIFTED),
            wrongly_charged=_number(connection, CHARGED_WRONGLY, price=price),
            unpaid_for=_number(connection, PAID_FOR_NOTHING),
            not_completed=_number(connection, NOT_COMPLETED),
            run_again=_number(connection, RUN_AGAIN),
            failed_deliveries=_number(connection, FAILED),
            unknown=frozenset((chat, number) for chat, numbers in doubtful for number in numbers),
            unknown_deliveries=len(doubtful),
            unfinished=_number(connection, OPEN),
        )


def left(database_url: str) -> list[str]:
    """The first of what did not end well, in a line each."""
    with psycopg.connect(database_url) as connection:
        return [
            str(row[0])
            for query in (LEFT_OF_JOBS, LEFT_OF_DELIVERIES)
            for row in connection.execute(query.encode()).fetchall()
        ]


def _number(connection: "psycopg.Connection[tuple[object, ...]]", query: str, **values: int) -> int:
    row = connection.execute(query.encode(), values or None).fetchone()
    assert row is not None, "an aggregate has a row"
    return int(str(row[0]))
