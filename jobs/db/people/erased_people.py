"""Marks of people whose data were erased: were they here before, and what do they owe?"""

import hashlib
import hmac
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.db.access import installation_secrets

SECRET_NAME = "erased_people"  # noqa: S105 - the name of a secret, not one

REMEMBER = text(
    "INSERT INTO erased_people AS known (mark, energy_owed, diamonds_owed) VALUES (:mark, :energy, :diamonds)"
    " ON CONFLICT (mark) DO UPDATE SET energy_owed = known.energy_owed + excluded.energy_owed,"
    " diamonds_owed = known.diamonds_owed + excluded.diamonds_owed, erased_at = now()"
)
# what they owe is told once: from then on their account holds it
RECALL = text(
    "WITH before AS (SELECT mark, energy_owed, diamonds_owed, extract(epoch FROM now() - erased_at)::float AS seconds"
    "  FROM erased_people WHERE mark = :mark FOR UPDATE),"
    " told AS (UPDATE erased_people AS known SET energy_owed = 0, diamonds_owed = 0 FROM before"
    "  WHERE known.mark = before.mark) "
    "SELECT energy_owed AS energy, diamonds_owed AS diamonds, seconds FROM before"
)


@dataclass(frozen=True)
class Owed:
    """`seconds`: since they were erased."""

    energy: int
    diamonds: int
    seconds: float = 0.0


async def remember(connection: AsyncConnection, user_id: int, owed: Owed) -> None:
    values = {"mark": await _mark(connection, user_id), "energy": owed.energy, "diamonds": owed.diamonds}
    await connection.execute(REMEMBER, values)


async def recall(connection: AsyncConnection, user_id: int) -> Owed | None:
    """None for somebody who was never here."""
    row = (await connection.execute(RECALL, {"mark": await _mark(connection, user_id)})).mappings().first()
    return Owed(**row) if row else None


async def _mark(connection: AsyncConnection, user_id: int) -> bytes:
    secret = await installation_secrets.read(connection, SECRET_NAME)
    return hmac.digest(secret, str(user_id).encode(), hashlib.sha256)
