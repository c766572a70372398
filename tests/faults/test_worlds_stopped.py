"""A world is cancelled while a worker's calls for it are under way: they are broken off, and all has ended soon."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from jobs.db.session import Database
from sandbox.gemini_content import Content
from tests.factories import rows, value
from tests.faults.test_worlds_killed import OPEN, start
from tests.faults.workers import Workers
from tests.jobs.worlds.creation import Creation, creating

# the model would never answer; a sampler looks at each of its steps whether it shall go on
DRAWS_FOR, SOON = 12.0, 5.0


@pytest.fixture
def workers(database_url: str) -> Iterator[Workers]:
    started = Workers(database_url)
    yield started
    started.kill_all()


async def test_cancelling_a_world_breaks_off_what_is_asked_of_models_and_drawn(
    database: Database, workers: Workers, tmp_path: Path
) -> None:
    async with creating(database, tmp_path, seconds_per_picture=DRAWS_FOR) as creation:
        creation.gemini.say(only_once(creation))
        root = await creation.ask(users=2, posts=4)
        start(creation, workers, tmp_path)
        # the people are asked for, the background is being drawn, the icon waits in ComfyUI
        await creation.gemini.wait_for_requests(2, timeout=30)
        await creation.lane.log.until(lambda runs: len(runs) == 1, timeout=30)
        lane = creation.lane.machine.queue
        async with asyncio.timeout(30):
            while not lane.pending:  # noqa: ASYNC110 - nobody tells of it
                await asyncio.sleep(0.01)
        async with database.transaction() as connection:
            await creation.resources.intake.cancel(connection, root.id, root.owner)
        async with asyncio.timeout(SOON):
            while await value(database, OPEN) or lane.pending or lane.running:  # noqa: ASYNC110 - another process does it
                await asyncio.sleep(0.02)
        assert [each.outcome for each in creation.gemini.requests] == ["answered", "client left"]
        assert [each.outcome for each in creation.lane.log.runs] == ["interrupted"]
        ended = await rows(database, "SELECT kind, status FROM jobs ORDER BY kind, status")
    assert [tuple(each.values()) for each in ended] == [
        ("generate_character_batch", "cancelled"), ("generate_world_description", "completed"),
        ("generate_world_image", "cancelled"), ("generate_world_image", "cancelled"),
        ("init_world_creation", "cancelled"),
    ]  # fmt: skip


def only_once(creation: Creation) -> Callable[[dict[str, Any]], str]:
    """The first request is answered, the others are heard."""

    def answer(body: dict[str, Any]) -> str:
        creation.gemini.pause()
        return Content()(body)

    return answer
