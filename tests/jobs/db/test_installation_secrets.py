"""Each installation has secrets of its own, made with its tables."""

from jobs.db.access import installation_secrets
from jobs.db.session import Database
from jobs.media_links import SECRET_NAME
from tests.factories import value


async def test_the_secret_of_links_is_there_long_enough_and_random(database: Database) -> None:
    async with database.transaction() as connection:
        secret = await installation_secrets.read(connection, SECRET_NAME)
    assert len(secret) == 32
    other = await value(
        database, "SELECT decode(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex')"
    )
    assert len(set(secret)) > 16
    assert bytes(other) != secret
