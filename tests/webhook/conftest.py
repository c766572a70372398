"""The webhook app over a database of the test's own."""

from collections.abc import AsyncIterator

import pytest

from tests.factories import Door, opened_door


@pytest.fixture
async def door(database_url: str) -> AsyncIterator[Door]:
    async with opened_door(database_url) as opened:
        yield opened
