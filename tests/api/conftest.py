"""The REST app over a database of the test's own."""

from collections.abc import AsyncIterator

import pytest

from tests.api.opened_api import Api, opened_api


@pytest.fixture
async def api(database_url: str) -> AsyncIterator[Api]:
    async with opened_api(database_url) as opened:
        yield opened
