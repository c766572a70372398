"""Whose turn it is in a queue that is no lane: the turn that it serves now, and the next one of an owner."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

# every so many turns it is written down which one is served: newcomers may go before so many others
NOTED = 8

NEXT = text(
    "SELECT 1 + greatest(coalesce((SELECT turn FROM queue_turns WHERE queue = :queue), 0), coalesce((SELECT max(turn)"
    " FROM jobs WHERE queue = :queue AND owner = :owner AND status IN ('pending', 'processing')), 0))"
)
ONE_BY_ONE = text("SELECT pg_advisory_xact_lock(hashtextextended(:owner, hashtextextended(:queue, 0)))")
# nobody waits for another one who does the same
SERVE = text(
    "WITH known AS (INSERT INTO queue_turns (queue, turn) SELECT :queue, :turn"
    "  WHERE NOT EXISTS (SELECT FROM queue_turns WHERE queue = :queue) ON CONFLICT DO NOTHING)"
    " UPDATE queue_turns SET turn = :turn FROM (SELECT queue FROM queue_turns"
    "  WHERE queue = :queue AND turn < :turn FOR UPDATE SKIP LOCKED) held WHERE queue_turns.queue = held.queue"
)


async def next_turn(connection: AsyncConnection, queue: str, owner: str) -> int:
    return int((await connection.execute(NEXT, {"queue": queue, "owner": owner})).scalar_one())


async def one_by_one(connection: AsyncConnection, queue: str, owner: str) -> None:
    """Before several `next_turn`: until this transaction ends, nobody else who asks here gives this owner turns.

    Two batches at a time would not see each other and get the same turns: then each turn is worth two.
    """
    await connection.execute(ONE_BY_ONE, {"queue": queue, "owner": owner})


async def serve(connection: AsyncConnection, queue: str, turn: int) -> None:
    """The queue is at this turn now: newcomers come after it, give or take NOTED."""
    if turn % NOTED == 0:
        await connection.execute(SERVE, {"queue": queue, "turn": turn})
