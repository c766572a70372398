"""How fast may a chat be written to now, by all workers together? Migration 0013 has the functions behind this."""

from dataclasses import dataclass
from typing import Literal

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

Verdict = Literal["go", "chat_busy", "bot_busy", "chat_paused", "bot_paused"]

# the row of the whole bot
BOT = 0
# two chats that are told to wait within so many seconds: then everybody is meant
TOGETHER_SECONDS = 10.0
# for so long a turn of the whole bot may lie ahead, and be waited for; of a message that nobody waits for, less
LONGEST_AHEAD = 10.0
LONGEST_AHEAD_IN_BULK = 0.1


@dataclass(frozen=True)
class Pace:
    """Messages a second of the whole bot and of one chat; so many may go at once after a pause."""

    rate: float = 30.0
    burst: float = 20.0
    chat_rate: float = 1.0
    chat_burst: float = 4.0


@dataclass(frozen=True)
class Turn:
    """`wait`: on "go", seconds until the turn, which is ours; otherwise seconds after which to ask again."""

    verdict: Verdict
    wait: float


# nothing is asked for a delivery that is not to be sent, or not to a chat. What nobody waits for leaves room for the
# others: it takes its turn only while half of a burst is left
TURN = (
    "delivery AS (SELECT id, CAST(destination AS bigint) AS chat, payload ? 'bulk' AS bulk FROM deliveries"
    "  WHERE id = :id AND channel = 'telegram' AND status = 'pending'),"
    " turn AS (SELECT delivery.id, delivery.chat, turn.verdict, turn.wait FROM delivery"
    "  CROSS JOIN LATERAL postgen_take_turn(delivery.chat, :chat_rate, :chat_burst, :rate,"
    "   CASE WHEN delivery.bulk THEN :burst / 2 ELSE :burst END,"
    "   CASE WHEN delivery.bulk THEN CAST(:bulk_ahead AS float8) ELSE :ahead END) AS turn)"
)
# a courtesy: only where it delays nothing that counts
TAKE_SPARE = text(
    "SELECT turn.verdict, turn.wait FROM"
    " (SELECT CAST(:chat AS bigint) AS chat WHERE NOT EXISTS"
    "   (SELECT FROM chat_pace WHERE chat_id IN (0, :chat) AND no_drafts_until > now())) AS wanted"
    " CROSS JOIN LATERAL postgen_take_turn(wanted.chat, :chat_rate, :chat_burst - 1, :rate, :burst / 2, 0) AS turn"
)
REFUSED = text("SELECT postgen_chat_refused(:chat, :seconds, :together)")
PAUSE = text(
    "INSERT INTO chat_pace AS pace (chat_id, paused_until) VALUES (:chat, now() + make_interval(secs => :seconds))"
    " ON CONFLICT (chat_id) DO UPDATE SET paused_until = greatest(pace.paused_until, excluded.paused_until)"
)
NO_DRAFTS = text(
    "INSERT INTO chat_pace AS pace (chat_id, no_drafts_until) VALUES (:chat, now() + make_interval(secs => :seconds))"
    " ON CONFLICT (chat_id) DO UPDATE SET no_drafts_until = greatest(pace.no_drafts_until, excluded.no_drafts_until)"
)
FORGET = text(
    "DELETE FROM chat_pace WHERE chat_id <> 0"
    " AND coalesce(greatest(next_at, paused_until, no_drafts_until), '-infinity') < now() - interval '1 minute'"
)


def turn_values(delivery_id: int, pace: Pace) -> dict[str, float]:
    """The parameters of TURN."""
    return {"id": delivery_id, **vars(pace), "ahead": LONGEST_AHEAD, "bulk_ahead": LONGEST_AHEAD_IN_BULK}


async def take_spare_turn(connection: AsyncConnection, chat_id: int, pace: Pace) -> bool:
    """For what may as well be left out."""
    row = (await connection.execute(TAKE_SPARE, {"chat": chat_id, **vars(pace)})).first()
    return row is not None and row.verdict == "go"


async def refused(connection: AsyncConnection, chat_id: int, seconds: float) -> bool:
    """Telegram told this chat to wait. True when the whole bot waits from now on: it is not the only one."""
    values = {"chat": chat_id, "seconds": seconds, "together": TOGETHER_SECONDS}
    return bool((await connection.execute(REFUSED, values)).scalar_one())


async def pause_bot(connection: AsyncConnection, seconds: float) -> None:
    await connection.execute(PAUSE, {"chat": BOT, "seconds": seconds})


async def leave_out_drafts(connection: AsyncConnection, chat_id: int, seconds: float) -> None:
    """In this chat, or for BOT in all."""
    await connection.execute(NO_DRAFTS, {"chat": chat_id, "seconds": seconds})


async def forget_idle(connection: AsyncConnection) -> None:
    """Chats to which nothing was sent lately: a row more says nothing that no row does not."""
    await connection.execute(FORGET)
