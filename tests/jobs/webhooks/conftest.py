"""Webhooks may go to this machine here; everything else is as in production."""

from collections.abc import AsyncIterator, Iterator

import pytest

from jobs.db.session import Database
from jobs.webhooks.surroundings import surroundings
from tests.jobs.webhooks.post import Post, opened_post


@pytest.fixture(autouse=True)
def private_receivers(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("WEBHOOK_ALLOW_PRIVATE", "true")
    monkeypatch.setenv("PUBLIC_URL", "https://postgen.example/")
    surroundings.cache_clear()
    yield
    surroundings.cache_clear()


@pytest.fixture
async def post(database: Database) -> AsyncIterator[Post]:
    async with opened_post(database) as opened:
        yield opened
