"""A world that the small real model writes, over Gemini's wire: the numbers hold, and every form is filled."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from jobs.db.session import Database
from jobs.db.world import worlds
from jobs.providers.gemini import Gemini
from sandbox.small_model.gemini import NAME
from tests.jobs.worlds.creation import OWNER, Creation, creating
from tests.sandbox.running_small_model import running_small_model

USERS, POSTS = 2, 2
PROMPT = "A harbour town where every lighthouse is a library"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with running_small_model() as address:
        yield address


@pytest.mark.slow
@pytest.mark.timeout(1500)
async def test_the_numbers_asked_for_are_there_in_whole_sentences(database: Database, tmp_path: Path, url: str) -> None:
    async with (
        httpx.AsyncClient(verify=False, trust_env=False) as client,
        creating(database, tmp_path) as scripted,
    ):
        model = Gemini(
            client, base_url=url, version="v1beta", api_key="any", model=NAME, context_tokens=8192, timeout=600
        )
        resources = replace(scripted.resources, models={"WORLD_LLM": model})
        creation = Creation(resources, scripted.gemini, scripted.lane, url)
        asked = await creation.ask(users=USERS, posts=POSTS, prompt=PROMPT)
        await creation.work()
        ended, people, posts = await creation.look(asked), await creation.people(asked), await creation.posts(asked)
        async with database.statement() as connection:
            world = await worlds.get(connection, OWNER, asked.id)
    assert (ended.status, ended.partial, scripted.gemini.requests) == ("completed", False, []), ended.error
    assert world is not None
    assert len({each["username"] for each in people}) == len(people) == USERS
    assert [each["position"] for each in posts] == list(range(1, POSTS + 1))
    texts = [str(world.description), str(world.history), *(each["bio"] for each in people)]
    texts += [each["content"] for each in posts]
    assert [text for text in texts if len(text.strip()) < 3] == []
    assert all(each["avatar_media_id"] for each in people)
    # for whoever wants to know what it is worth (pytest -s)
    print(f"\n{world.name}: {world.description}\n{ended.usage}")
    for person in people:
        print(" ", person["username"], "|", person["display_name"], "|", person["bio"])
    for post in posts:
        print("   ", post["content"], post["hashtags"])
