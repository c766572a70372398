"""The REST app over a database of the test's own."""

from collections.abc import AsyncIterator, Iterator

import pytest

from jobs.webhooks.surroundings import surroundings
from tests.api.opened_api import Api, opened_api
from tests.jobs.webhooks.post import Post, opened_post


@pytest.fixture
async def api(database_url: str) -> AsyncIterator[Api]:
    async with opened_api(database_url) as opened:
        yield opened


@pytest.fixture
def private_receivers(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Webhooks may go to a receiver of the test's own."""
    monkeypatch.setenv("WEBHOOK_ALLOW_PRIVATE", "true")
    surroundings.cache_clear()
    yield
    surroundings.cache_clear()


@pytest.fixture
async def post(api: Api) -> AsyncIterator[Post]:
    async with opened_post(api.database) as opened:
        yield opened
