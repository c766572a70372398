"""Random bytes that all processes of an installation share; migrations make them."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

READ = text("SELECT secret FROM installation_secrets WHERE name = :name")


async def read(connection: AsyncConnection, name: str) -> bytes:
    return bytes((await connection.execute(READ, {"name": name})).scalar_one())
