"""Two worlds of two owners share workers, lanes and the remote providers evenly; what a person waits for goes first."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs import lifecycle
from jobs.db.session import Database
from jobs.kinds.contract import NewJob
from jobs.settings import ImageSettings
from tests.factories import job, submit, to_chat, value
from tests.jobs.guard.fleet import opened_guard
from tests.jobs.worlds.creation import Creation, creating

FIRST, SECOND = "key:anna", "key:boris"
# as the chat's handlers submit
OF_CHATS = 10


async def test_a_small_world_of_another_owner_is_not_held_up_by_a_large_one(database: Database, tmp_path: Path) -> None:
    async with creating(database, tmp_path) as creation:
        await creation.ask(users=3, posts=24, owner=FIRST)
        # until the large one's posts wait, all of them, in its own turns; one by one, or a post could begin before the
        # last batch is planned
        await creation.work(most=9, at_once=1, queue="world")
        assert len(await creation.tickets("world")) == 24
        await creation.ask(users=2, posts=4, owner=SECOND)
        ran = await creation.work(most=26, at_once=2, queue="world")
        owners = [(await job(database, each)).owner for each in ran]
    last = len(owners) - owners[::-1].index(SECOND)
    shares = owners[:last]
    assert shares.count(SECOND) == 1 + 1 + 1 + 2 + 2 + 4, "the whole small world"
    assert shares[:10].count(SECOND) >= 4, "from the beginning"
    assert abs(shares.count(FIRST) - shares.count(SECOND)) <= 6, "and the large one went on meanwhile"


@pytest.mark.parametrize("providers", ["comfyui", "replicate"])
async def test_pictures_of_two_worlds_take_turns_and_a_picture_for_a_chat_goes_before_them(
    database: Database, tmp_path: Path, providers: str
) -> None:
    queue = "gpu-0" if providers == "comfyui" else "image"
    async with creating(database, tmp_path) as creation:
        creation.resources.intake.images = ImageSettings(image_providers=providers, _env_file=None)
        for owner, pictures in ((FIRST, 6), (SECOND, 3)):
            for position in range(1, pictures + 1):
                await portrait(creation, owner, position)
        order = [FIRST, SECOND, FIRST, SECOND, FIRST, SECOND, FIRST, FIRST, FIRST]
        assert await waiting(creation, queue) == order
        await submit(
            creation.resources, "generate_image", {"prompt": "a red fox"}, destination=to_chat(), priority=OF_CHATS
        )
        assert await waiting(creation, queue) == ["telegram:7", *order]


async def portrait(creation: Creation, owner: str, position: int) -> None:
    given = {"world_id": "00000000-0000-4000-8000-000000000000", "character": position}
    await submit(creation.resources, "generate_character_avatar", given, owner=owner)


async def waiting(creation: Creation, queue: str) -> list[str]:
    return [(await job(creation.database, job_id)).owner for _, job_id in await creation.tickets(queue)]


async def test_steps_that_two_others_bring_at_the_same_moment_count_as_two(database: Database, tmp_path: Path) -> None:
    """They got the same turns, so that an owner with many steps at a time had several of them served in each."""
    async with creating(database, tmp_path) as creation:
        root = await creation.ask()
        intake = creation.resources.intake

        async def bring(connection: AsyncConnection) -> list[int]:
            given = [{"world_id": str(root.id), "character": number} for number in (1, 2, 3)]
            children = [NewJob("generate_character", each, FIRST) for each in given]
            return [each.turn for each in await intake.submit_children(connection, root, children)]

        async def bring_more() -> list[int]:
            async with database.transaction() as connection:
                return await bring(connection)

        async with database.transaction() as connection:
            turns = await bring(connection)
            other = asyncio.create_task(bring_more())
            await asyncio.wait([other], timeout=0.2)
        turns += await other
    assert len(set(turns)) == 6, turns


async def test_steps_in_the_worker_of_a_chat_made_its_replies_wait_for_all_of_them(
    database: Database, tmp_path: Path
) -> None:
    """They were all at work at a time, and each round trip of a reply waited for a piece of each of them."""
    async with creating(database, tmp_path) as creation, opened_guard(database) as guard:
        creation.resources = replace(creation.resources, guard=guard)
        await creation.ask(users=1, posts=4)
        await creation.work(most=5, at_once=1, queue="world")
        posts = [job_id for _, job_id in await creation.tickets("world")]
        asked = len(creation.gemini.requests)
        async with creation.resources.turnstile.passage():
            steps = [asyncio.create_task(lifecycle.run_job(creation.resources, each)) for each in posts]
            begun = "SELECT count(*) FROM jobs WHERE kind = 'generate_post' AND run_token IS NOT NULL"
            while await value(database, begun) < len(posts):
                pass
            [avatar] = [each for _, each in await creation.tickets("gpu-0")][-1:]
            await lifecycle.run_job(creation.resources, avatar)
            assert (await job(database, avatar)).status == "completed", "a picture has a place of its own"
            assert len(creation.gemini.requests) == asked, "another step is at work"
            # and who is told to stop does not wait for a turn
            steps[0].cancel()
            [outcome] = await asyncio.gather(steps[0], return_exceptions=True)
            assert isinstance(outcome, asyncio.CancelledError)
        creation.gemini.pause()
        await creation.gemini.wait_for_requests(asked + len(posts) - 1, timeout=20)
        creation.gemini.resume()
        await asyncio.gather(*steps[1:])
    done = "SELECT count(*) FROM jobs WHERE kind = 'generate_post' AND status = 'completed'"
    assert await value(database, done) == len(posts) - 1
