"""Bytes that all processes of an installation share: random ones, made by migrations, and what others gave us."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

READ = text("SELECT secret FROM installation_secrets WHERE name = :name")
KEEP = text(
    "INSERT INTO installation_secrets AS known (name, secret) VALUES (:name, :secret)"
    " ON CONFLICT (name) DO UPDATE SET secret = excluded.secret WHERE known.secret <> excluded.secret"
)


async def read(connection: AsyncConnection, name: str) -> bytes:
    return bytes((await connection.execute(READ, {"name": name})).scalar_one())


async def find(connection: AsyncConnection, name: str) -> bytes | None:
    found = (await connection.execute(READ, {"name": name})).scalar()
    return None if found is None else bytes(found)


async def keep(connection: AsyncConnection, name: str, secret: bytes) -> None:
    await connection.execute(KEEP, {"name": name, "secret": secret})
