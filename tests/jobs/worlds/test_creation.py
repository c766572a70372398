"""A world from one sentence: as many people and posts as were asked for, fitting together, and never doubled."""

import json
from pathlib import Path
from typing import Any

import pytest

from jobs.db.session import Database
from jobs.worlds.language import is_kept, is_same
from sandbox.gemini_content import Content
from tests.api.opened_api import ANNA, opened_api
from tests.factories import job, rows, value
from tests.jobs.worlds.creation import PROMPT, Creation, creating

Json = dict[str, Any]

# as the seed shows them
OF_WORLD = (
    "name", "description", "theme", "technology_level", "social_structure", "culture", "geography", "visual_style",
    "history", "notable_locations",
)  # fmt: skip
OF_CHARACTER = (
    "username", "display_name", "bio", "appearance", "personality", "avatar_description", "interests", "speaking_style",
)  # fmt: skip
OF_POST = ("content", "hashtags", "mood", "context")
GERMAN = "Eine Stadt hinter dem Deich, in der die Maschinen und die Menschen träumen"


async def test_numbers_asked_for_are_numbers_made_whatever_the_model_gives(
    database: Database, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It leaves out a third of each list and gives the same name again and again."""
    monkeypatch.setenv("MEDIA_URL", f"file:{tmp_path}")
    async with (
        creating(database, tmp_path, Content(fewer=3, repeats=2)) as creation,
        opened_api(database_url, hosts=creation.lane.host) as api,
    ):
        given = {"prompt": PROMPT, "users": 5, "posts": 12}
        asked = {"kind": "init_world_creation", "input": given, "webhook_url": "https://example.com/worlds"}
        root = (await api.anna.post("/v1/jobs", json=asked)).json()
        await creation.work()
        done = (await api.anna.get(root["urls"]["self"])).json()
        people, posts = await creation.people_of(root["id"]), await creation.posts_of(root["id"])
        background = await api.anna.get(done["result"]["urls"]["background"])
    assert (done["status"], done["partial"], done["error"]) == ("completed", False, None)
    [world] = await rows(database, "SELECT * FROM worlds")
    told_of_world = (str(world["id"]), world["owner"], world["prompt"], world["language"])
    assert told_of_world == (root["id"], ANNA, PROMPT, "Russian")
    assert all(world[name] for name in OF_WORLD)
    assert all(person[name] for person in people for name in OF_CHARACTER)
    assert all(post[name] for post in posts for name in OF_POST)
    require_spread(world, people, posts)
    told = [*(each["bio"] for each in people), *(each["content"] for each in posts), world["history"]]
    assert all(is_kept(PROMPT, words, "Russian") for words in told), "in the letters of the prompt"
    assert not any(each.startswith("#") for post in posts for each in post["hashtags"])
    with_image = [post for post in posts if post["has_image"]]
    assert 0 < len(with_image) < 12
    assert all((post["image_media_id"] is None) != post["has_image"] for post in posts)
    assert all((post["image_prompt"] is None) != post["has_image"] for post in posts)
    itself = f"/v1/worlds/{root['id']}"
    assert done["result"] == {
        "world_id": root["id"], "name": world["name"], "pictures": True, "planned": {"users": 5, "posts": 12},
        "users": 5, "avatars": 5, "posts": 12, "post_images": len(with_image), "missing": [],
        "urls": {
            "self": itself, "characters": f"{itself}/characters", "posts": f"{itself}/posts",
            "page": f"/worlds/{root['id']}", "background": f"/v1/media/{world['background_media_id']}",
            "icon": f"/v1/media/{world['icon_media_id']}",
        },
    }  # fmt: skip
    assert background.content[:4] == b"\x89PNG"
    files = await value(database, "SELECT count(*) FROM media WHERE owner = :owner", owner=ANNA)
    assert files == 2 + 5 + len(with_image)
    stages = {each["stage"]: (each["planned"], each["done"], each["failed"]) for each in done["progress"]["stages"]}
    assert stages == {
        "description": (1, 1, 0), "world_images": (2, 2, 0), "character_batch": (1, 1, 0), "characters": (5, 5, 0),
        "avatars": (5, 5, 0), "post_batches": (5, 5, 0), "posts": (12, 12, 0),
        "post_images": (len(with_image),) * 2 + (0,),
    }  # fmt: skip
    assert all(done["usage"][name] > 0 for name in ("prompt_tokens", "completion_tokens", "gpu_seconds"))
    [webhook] = await rows(database, "SELECT body FROM deliveries WHERE event_type = 'job.completed'")
    assert json.loads(bytes(webhook["body"]))["data"]["result"] == done["result"]
    assert await value(database, "SELECT count(*) FROM deliveries") == 1, "the steps send none"


def require_spread(world: Json, people: list[Json], posts: list[Json]) -> None:
    assert [each["position"] for each in people] == [1, 2, 3, 4, 5]
    assert len({each["username"] for each in people}) == 5
    groups = [each["name"] for each in world["social_groups"]]
    assert {each["social_group"] for each in people} == set(groups)
    roles = {each["name"]: set(each["roles"]) for each in world["social_groups"]}
    assert all(each["role"] in roles[each["social_group"]] for each in people)
    assert [each["position"] for each in posts] == list(range(1, 13))
    by_author = [sum(post["character_id"] == each["id"] for post in posts) for each in people]
    assert by_author == [3, 3, 2, 2, 2] == [each["posts"] for each in people]


async def test_where_nothing_draws_a_world_is_of_texts_and_they_are_in_the_language_of_the_request(
    database: Database, tmp_path: Path
) -> None:
    """A text that falls into English, which a look at the letters cannot see, is asked for once more."""
    async with creating(database, tmp_path, draws=False) as creation:
        fell = falling_into_english(creation)
        root = await creation.ask(users=2, posts=3, prompt=GERMAN)
        refused = await creation.ask(users=1, posts=0, prompt=GERMAN, pictures=True)
        await creation.work()
        done, people, posts = await creation.look(root), await creation.people(root), await creation.posts(root)
        asked = [each.body["systemInstruction"]["parts"][0]["text"] for each in creation.gemini.requests]
        assert ((await creation.look(refused)).error or {})["code"] == "misconfigured"
    assert (done.status, done.partial) == ("completed", False)
    assert done.result is not None
    assert {name: done.result[name] for name in ("pictures", "users", "avatars", "posts", "post_images")} == {
        "pictures": False, "users": 2, "avatars": 0, "posts": 3, "post_images": 0,
    }  # fmt: skip
    assert (done.result["missing"], done.result["urls"]["icon"]) == ([], None)
    assert {each["stage"] for each in done.progress["stages"]} == {
        "description", "character_batch", "characters", "post_batches", "posts",
    }  # fmt: skip
    assert not any(post["has_image"] for post in posts)
    [world] = await rows(database, "SELECT * FROM worlds WHERE described_at IS NOT NULL")
    assert world["language"] == "German"
    assert all("Write in German" in each for each in asked[1:])
    assert len(fell) == 1 == sum("Mind the language" in each for each in asked)
    told = [each["bio"] for each in people] + [each["content"] for each in posts]
    assert len(told) == 5
    assert all(is_same(world["description"], words, "German") for words in told)


def falling_into_english(creation: Creation) -> list[Json]:
    """The first profile is in English."""
    fell: list[Json] = []

    def answer(body: Json) -> str:
        request = body["messages"][-1]["content"]
        if not fell and request.startswith("Write the profile of"):
            fell.append(body)
            return Content()({**body, "messages": [{"role": "user", "content": "a profile"}]})
        return Content()(body)

    creation.gemini.say(answer)
    return fell


async def test_a_client_may_do_without_pictures_where_there_could_be_some(database: Database, tmp_path: Path) -> None:
    async with creating(database, tmp_path) as creation:
        root = await creation.ask(users=1, posts=1, pictures=False)
        await creation.work()
        assert ((await job(database, root.id)).result or {})["pictures"] is False
        assert creation.lane.log.runs == []
