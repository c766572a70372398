"""The secret that signs links to files, as this process knows it."""

from fastapi import FastAPI

from jobs.db.access import installation_secrets
from jobs.media_links import SECRET_NAME


async def media_secret(app: FastAPI) -> bytes:
    """Read from the database on first need, then known: an app starts while its database is still away."""
    if not hasattr(app.state, "media_secret"):
        async with app.state.database.statement() as connection:
            app.state.media_secret = await installation_secrets.read(connection, SECRET_NAME)
    secret: bytes = app.state.media_secret
    return secret
