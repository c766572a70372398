"""What people have confirmed of themselves: that they are of age. They may take it back."""

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

CONFIRM = text(
    "UPDATE telegram_users SET age_confirmed_at = CASE WHEN age_policy = :policy THEN coalesce(age_confirmed_at, now())"
    " ELSE now() END, age_policy = :policy WHERE user_id = :user_id"
)
REVOKE = text(
    "UPDATE telegram_users SET age_confirmed_at = NULL, age_policy = NULL"
    " WHERE user_id = :user_id AND age_confirmed_at IS NOT NULL"
)
CONFIRMED = text("SELECT age_confirmed_at FROM telegram_users WHERE user_id = :user_id AND age_policy = :policy")


async def confirm_age(connection: AsyncConnection, user_id: int, policy: str) -> None:
    """`policy`: which version of the question was answered. Said twice, the first time stays."""
    await connection.execute(CONFIRM, {"user_id": user_id, "policy": policy})


async def revoke_age(connection: AsyncConnection, user_id: int) -> bool:
    """Whether there was anything to take back."""
    return (await connection.execute(REVOKE, {"user_id": user_id})).rowcount > 0


async def age_confirmed_at(connection: AsyncConnection, user_id: int, policy: str) -> datetime | None:
    """None also for somebody who answered another version of the question."""
    found: datetime | None = (await connection.execute(CONFIRMED, {"user_id": user_id, "policy": policy})).scalar()
    return found
