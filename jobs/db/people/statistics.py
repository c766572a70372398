"""How the bot is doing, in a few figures."""

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True)
class Figures:
    """`day` and `week`: who has written, and what was written, paid or ended in the last 24 hours and 7 days."""

    people: int
    people_day: int
    people_week: int
    blocked: int
    banned: int
    messages_day: int
    messages_week: int
    jobs_open: int
    jobs_completed_day: int
    jobs_failed_day: int
    stars_day: int
    stars_week: int
    stars_ever: int


DAY, WEEK = "now() - interval '24 hours'", "now() - interval '7 days'"

FIGURES = text(
    "WITH people AS (SELECT count(*) AS people,"
    f"  count(*) FILTER (WHERE seen_at > {DAY}) AS people_day,"
    f"  count(*) FILTER (WHERE seen_at > {WEEK}) AS people_week,"
    "  count(*) FILTER (WHERE blocked_at IS NOT NULL) AS blocked,"
    "  count(*) FILTER (WHERE banned_at IS NOT NULL) AS banned FROM telegram_users),"
    f" messages AS (SELECT count(*) FILTER (WHERE created_at > {DAY}) AS messages_day,"
    f"  count(*) AS messages_week FROM chat_messages WHERE role = 'user' AND created_at > {WEEK}),"
    " work AS (SELECT count(*) FILTER (WHERE status IN ('pending', 'processing')) AS jobs_open,"
    f"  count(*) FILTER (WHERE status = 'completed' AND finished_at > {DAY}) AS jobs_completed_day,"
    f"  count(*) FILTER (WHERE status = 'failed' AND finished_at > {DAY}) AS jobs_failed_day FROM jobs),"
    f" stars AS (SELECT coalesce(sum(stars) FILTER (WHERE paid_at > {DAY}), 0)::bigint AS stars_day,"
    f"  coalesce(sum(stars) FILTER (WHERE paid_at > {WEEK}), 0)::bigint AS stars_week,"
    "  coalesce(sum(stars), 0)::bigint AS stars_ever FROM star_payments WHERE refunded_at IS NULL)"
    " SELECT * FROM people, messages, work, stars"
)


async def figures(connection: AsyncConnection) -> Figures:
    return Figures(**(await connection.execute(FIGURES)).mappings().one())
