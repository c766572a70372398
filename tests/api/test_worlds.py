"""Worlds over HTTP: asked for as a job, read while they grow and when they are there; each owner's own."""

import os
from pathlib import Path
from typing import Any

import httpx

from sandbox.gemini_content import Content
from tests.api.opened_api import ANNA, Api
from tests.factories import execute, rows
from tests.jobs.worlds.creation import creating

Json = dict[str, Any]

# what the seeds of this project show of a world, a person and a post
OF_A_WORLD = {
    "name", "description", "theme", "technology_level", "social_structure", "culture", "geography", "visual_style",
    "history", "notable_locations",
}  # fmt: skip
OF_A_PERSON = {
    "username", "display_name", "bio", "appearance", "personality", "avatar_description", "interests", "speaking_style",
}  # fmt: skip
OF_A_POST = {"content", "image_prompt", "hashtags", "mood", "context"}
ASKED: Json = {"kind": "init_world_creation", "input": {"prompt": "A harbour on a whale", "users": 3, "posts": 7}}


def media_folder() -> Path:
    """Where the app of the tests looks for files."""
    return Path(os.environ["MEDIA_URL"].removeprefix("file:"))


async def ask(client: httpx.AsyncClient, **more: bool) -> str:
    answer = await client.post("/v1/jobs", json={**ASKED, "input": {**ASKED["input"], **more}})
    assert answer.status_code == 202, answer.text
    return f"/v1/worlds/{answer.json()['id']}"


async def read(client: httpx.AsyncClient, path: str, **query: str | int) -> Json:
    answer = await client.get(path, params=query)
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


def stages(world: Json) -> dict[str, tuple[str, int, int, int]]:
    return {each["stage"]: (each["status"], each["planned"], each["done"], each["failed"]) for each in world["stages"]}


async def test_a_world_is_read_while_it_grows_and_when_it_is_there(api: Api) -> None:
    path = await ask(api.anna)
    waiting = await read(api.anna, path)
    assert (waiting["status"], waiting["name"], waiting["missing"]) == ("pending", None, [])
    assert stages(waiting)["characters"] == ("pending", 3, 0, 0)
    assert [each["id"] for each in (await read(api.anna, "/v1/worlds"))["worlds"]] == [waiting["id"]]
    async with creating(api.database, media_folder(), Content()) as creation:
        await creation.work(2, at_once=1)  # the root, and the description
        going = await read(api.anna, path)
        assert (going["status"], going["name"] is None, going["background_url"]) == ("processing", False, None)
        now = stages(going)
        assert now["description"] == ("completed", 1, 1, 0)
        assert (now["world_images"], now["posts"]) == (("processing", 2, 0, 0), ("pending", 7, 0, 0))
        await creation.work()
    done = await read(api.anna, path)
    assert (done["status"], done["partial"], done["missing"]) == ("completed", False, [])
    assert all(done[name] for name in OF_A_WORLD)
    images = done["counters"]["post_images"]["made"]
    assert done["counters"] == {
        "users": {"planned": 3, "made": 3}, "avatars": {"planned": 3, "made": 3}, "posts": {"planned": 7, "made": 7},
        "post_images": {"planned": images, "made": images},
    }  # fmt: skip
    assert {status for status, *_ in stages(done).values()} == {"completed"}
    await execute(api.database, f"INSERT INTO job_calls (root_id, sort, calls) VALUES ('{done['id']}', 'llm', 12)")
    slots = "('sort:llm', 0, now() + interval '1 min'), ('sort:llm', 1, now() - interval '1 min')"
    await execute(api.database, f"INSERT INTO provider_slots (pool, number, until) VALUES {slots}")
    assert (await read(api.anna, path))["calls"] == {
        "llm": {"made": 12, "in_flight": 1, "max_concurrent": 2},
        "image": {"made": 0, "in_flight": 0, "max_concurrent": None},
    }

    people = await read(api.anna, f"{path}/characters", limit=2)
    rest = await read(api.anna, f"{path}/characters", limit=2, cursor=people["next"])
    everybody = people["characters"] + rest["characters"]
    assert ([each["position"] for each in everybody], rest["next"], rest["has_more"]) == ([1, 2, 3], None, False)
    assert all(each[name] for each in everybody for name in OF_A_PERSON)
    posts = (await read(api.anna, f"{path}/posts"))["posts"]
    assert [each["position"] for each in posts] == list(range(1, 8))
    assert all(set(each) >= OF_A_POST and each["content"] for each in posts)
    [second] = [each for each in everybody if each["position"] == 2]
    first_page = await read(api.anna, f"{path}/posts", character=second["id"], limit=1)
    theirs = first_page["posts"] + (await read(api.anna, f"{path}/posts", character=second["id"], cursor=2))["posts"]
    assert [(each["position"], each["username"]) for each in theirs] == [
        (2, second["username"]),
        (5, second["username"]),
    ]
    drawn = [each["image_url"] for each in posts if each["has_image"]]
    links = [done["background_url"], done["icon_url"], *(each["avatar_url"] for each in everybody), *drawn]
    for link in links:
        picture = await api.nobody.get(link)
        assert (picture.status_code, picture.headers["content-type"]) == (200, "image/png")

    for below in ("", "/characters", "/posts"):
        stranger = await api.boris.get(f"{path}{below}")
        assert (stranger.status_code, stranger.json()["code"]) == (404, "not_found")
    assert (await read(api.boris, "/v1/worlds"))["worlds"] == []
    newer = await ask(api.anna)
    newest = await read(api.anna, "/v1/worlds", limit=1)
    older = await read(api.anna, "/v1/worlds", limit=1, cursor=newest["next"])
    assert [page["worlds"][0]["urls"]["self"] for page in (newest, older)] == [newer, path]
    assert (await api.anna.get(f"{path}/posts", params={"cursor": "zero"})).status_code == 422
    nothing = await api.anna.post("/v1/jobs", json={**ASKED, "input": {**ASKED["input"], "prompt": " \n"}})
    assert (nothing.status_code, nothing.json()["errors"][0]["pointer"]) == (422, "/input/prompt"), "made a world of it"
    dry = await api.anna.post("/v1/jobs", params={"dry_run": True}, json=ASKED)
    assert (dry.status_code, len(await rows(api.database, "SELECT id FROM worlds"))) == (200, 2)


async def test_what_a_world_lacks_is_told_and_a_retry_makes_only_that(api: Api) -> None:
    path = await ask(api.anna, pictures=False)
    async with creating(api.database, media_folder(), Content()) as creation:
        await creation.work(3, at_once=1)
        while (await read(api.anna, path))["counters"]["users"]["made"] < 1:
            await creation.work(1, at_once=1)
        # one of the people is never written: so nothing that they would have posted is begun
        await execute(
            api.database,
            "UPDATE jobs SET status = 'failed', finished_at = now(), expires_at = now() + interval '1 day',"
            " error = jsonb_build_object('code', 'llm_timeout', 'detail', 'It took too long.', 'blame', 'upstream',"
            " 'retryable', true)"
            " WHERE kind = 'generate_character' AND status = 'pending' AND input->>'character' = '3'",
        )
        await creation.work()
        partial = await read(api.anna, path)
        assert (partial["status"], partial["partial"]) == ("completed", True)
        told = {each["what"]: each for each in partial["missing"]}
        assert list(told) == ["characters", "posts"], "there were to be no pictures"
        assert told["characters"]["words"] == "People: 1 of 3 missing. It took too long."
        assert (told["posts"]["count"], told["posts"]["positions"]) == (2, [3, 6])
        assert told["posts"]["error"]["code"] == "llm_timeout", "that of the person who would have written them"
        assert stages(partial)["posts"] == ("completed", 7, 5, 2)
        assert partial["counters"]["posts"] == {"planned": 7, "made": 5}
        assert partial["counters"]["avatars"] == {"planned": 0, "made": 0}
        steps = {row["id"] for row in await rows(api.database, "SELECT id FROM jobs")}

        assert (await api.anna.post(f"/v1/jobs/{partial['id']}/retry")).status_code == 202
        again = await read(api.anna, path)
        assert (again["status"], again["missing"], stages(again)["posts"][0]) == ("processing", [], "processing")
        ran = await creation.work()
        done = await read(api.anna, path)
    assert (done["status"], done["partial"], done["missing"]) == ("completed", False, [])
    assert len([job for job in ran if job in steps]) == 1, "of what there was, only the one that had failed"
    assert done["counters"]["posts"] == {"planned": 7, "made": 7}

    # stopped before its first step: nothing of it was begun
    stopped = await ask(api.anna)
    await api.anna.post(f"{stopped.replace('worlds', 'jobs')}/cancel")
    found = await read(api.anna, stopped)
    assert (found["status"], stages(found)["posts"]) == ("cancelled", ("cancelled", 7, 0, 7))
    assert (await rows(api.database, "SELECT owner FROM worlds"))[0]["owner"] == ANNA
