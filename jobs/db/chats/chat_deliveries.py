"""Deliveries to chats: where an earlier message is, and what waits while a person has blocked the bot."""

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

# what a person did not get within so many hours is no news any more
FRESH_HOURS = 24
FRESH = f"created_at > now() - interval '{FRESH_HOURS} hours'"
STALE = {
    "code": "recipient_away",
    "detail": f"This person had blocked the bot, and for more than {FRESH_HOURS} hours nothing could be delivered.",
}
BLOCKED = {"code": "recipient_away", "detail": "This person has blocked the bot."}

FIND = text(
    "SELECT message_id FROM deliveries WHERE key = :key AND channel = 'telegram' AND destination = :destination"
)
MOVED = text(
    "UPDATE deliveries SET message_id = :message_id"
    " WHERE key = :key AND channel = 'telegram' AND destination = :destination"
)
# the person's row is locked: whoever lets them in again releases what is held, and must find this or prevent it
HOLD = text(
    "WITH blocked AS (SELECT FROM telegram_users WHERE user_id = :chat AND blocked_at IS NOT NULL FOR SHARE)"
    " UPDATE deliveries SET status = 'held', error = :error"
    " WHERE id = :id AND status IN ('pending', 'sending') AND EXISTS (SELECT FROM blocked)"
).bindparams(bindparam("error", type_=JSONB))
# who did something after this attempt began has unblocked the bot since
BLOCKED_NOW = text(
    "UPDATE telegram_users SET blocked_at = coalesce(blocked_at, now())"
    " WHERE user_id = :chat AND seen_at < (SELECT sending_at FROM deliveries WHERE id = :id)"
)
IS_KNOWN = text("SELECT EXISTS (SELECT FROM telegram_users WHERE user_id = :chat)")
RELEASE = text(
    f"WITH released AS (UPDATE deliveries SET status = CASE WHEN {FRESH} THEN 'pending' ELSE 'failed' END,"
    f"  error = CASE WHEN {FRESH} THEN NULL ELSE CAST(:stale AS jsonb) END,"
    f"  finished_at = CASE WHEN {FRESH} THEN NULL ELSE now() END"
    "  WHERE channel = 'telegram' AND destination = :destination AND status = 'held'"
    "  RETURNING id, status, payload ? 'bulk' AS bulk)"
    " SELECT id, bulk FROM released WHERE status = 'pending' ORDER BY id"
).bindparams(bindparam("stale", type_=JSONB))
GIVE_UP = text(
    "UPDATE deliveries SET status = 'failed', error = :stale, finished_at = now() WHERE id IN"
    f" (SELECT id FROM deliveries WHERE channel = 'telegram' AND status = 'held' AND NOT {FRESH}"
    "   ORDER BY id LIMIT :limit FOR UPDATE SKIP LOCKED)"
).bindparams(bindparam("stale", type_=JSONB))
AT_A_TIME = 1000


async def find_message(connection: AsyncConnection, chat_id: int, key: str) -> int | None:
    """The number that Telegram gave the message of this delivery, if it arrived and its number is known."""
    values = {"key": key, "destination": str(chat_id)}
    return (await connection.execute(FIND, values)).scalar()


async def moved(connection: AsyncConnection, chat_id: int, key: str, message_id: int) -> None:
    """What is said about that delivery from now on is meant for this message, which took its place."""
    await connection.execute(MOVED, {"key": key, "destination": str(chat_id), "message_id": message_id})


async def hold(connection: AsyncConnection, delivery_id: int, chat_id: int) -> bool:
    """Until the person lets the bot in again. False when they have done so meanwhile."""
    return bool((await connection.execute(HOLD, {"id": delivery_id, "chat": chat_id, "error": BLOCKED})).rowcount)


async def found_blocked(connection: AsyncConnection, delivery_id: int, chat_id: int) -> bool:
    """Note that this attempt met a closed door. False when the person was heard of since it began."""
    return bool((await connection.execute(BLOCKED_NOW, {"id": delivery_id, "chat": chat_id})).rowcount)


async def is_known(connection: AsyncConnection, chat_id: int) -> bool:
    return bool((await connection.execute(IS_KNOWN, {"chat": chat_id})).scalar_one())


async def release(connection: AsyncConnection, chat_id: int) -> list[tuple[int, bool]]:
    """What was held and is still news waits to be sent again: the ids in order, and which are bulk. The rest fails."""
    rows = await connection.execute(RELEASE, {"destination": str(chat_id), "stale": STALE})
    return [(row.id, row.bulk) for row in rows]


async def give_up_stale(connection: AsyncConnection) -> int:
    """How many held messages ended because their time is over; there may be more when it is AT_A_TIME."""
    return int((await connection.execute(GIVE_UP, {"stale": STALE, "limit": AT_A_TIME})).rowcount)
