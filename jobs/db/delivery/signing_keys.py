"""The installation's ed25519 keys for v1a signatures, made by whichever process needs one first."""

from sqlalchemy import text

from jobs.db.session import Database
from jobs.signatures import SigningKey, new_signing_key

ACTIVE = text(
    "SELECT id, private_key AS private, public_key AS public FROM signing_keys"
    " WHERE retired_at IS NULL ORDER BY created_at DESC, id"
)
# two processes that start at the same moment make one key together
LOCK = text("SELECT pg_advisory_xact_lock(hashtext('postgen signing key'))")
INSERT = text("INSERT INTO signing_keys (id, private_key, public_key) VALUES (:id, :private, :public)")


async def active(database: Database) -> list[SigningKey]:
    """Newest first; at least one."""
    async with database.statement() as connection:
        rows = (await connection.execute(ACTIVE)).mappings().all()
    return [SigningKey(**row) for row in rows] or await _first(database)


async def _first(database: Database) -> list[SigningKey]:
    made = new_signing_key()
    async with database.transaction() as connection:
        await connection.execute(LOCK)
        rows = (await connection.execute(ACTIVE)).mappings().all()
        if not rows:
            await connection.execute(INSERT, {"id": made.id, "private": made.private, "public": made.public})
    return [SigningKey(**row) for row in rows] or [made]
