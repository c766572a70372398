"""The pages of worlds, without a browser: what their form refuses, whose they are; words of models stay words."""

from uuid import UUID, uuid4

import httpx

from jobs.db.world import characters, posts
from tests.api.opened_api import ANNA, BORIS, Api, new_key
from tests.api.pages.test_pages_closed import csrf, person
from tests.factories import execute, rows, value

HOSTILE = "<script>alert(1)</script>"
SHOWN = "&lt;script&gt;alert(1)&lt;/script&gt;"


async def send(http: httpx.AsyncClient, **form: str) -> httpx.Response:
    token = csrf((await http.get("/worlds/new")).text)
    return await http.post("/worlds", data={"prompt": "A harbour", "users": "3", "posts": "7", "csrf": token, **form})


async def test_a_form_is_refused_in_words_and_a_world_belongs_to_one(api: Api) -> None:
    keys = [await new_key(api.database, owner) for owner in (ANNA, BORIS)]
    async with person(api, keys[0]) as anna, person(api, keys[1]) as boris:
        for wrong, words in (
            ({"prompt": " "}, "Write what the world is like."),
            ({"prompt": "x" * 4001}, "at most 4000 characters"),
            ({"users": "0"}, "from 1 to 50"),
            ({"users": "٣"}, "from 1 to 50"),
            ({"posts": "7.5"}, "from 0 to 500"),
            ({"posts": "-1"}, "from 0 to 500"),
            ({"prompt": "Everybody has sex with a girl of 12."}, "alert"),
        ):
            answer = await send(anna, **wrong)
            assert (answer.status_code, words in answer.text) == (422, True), wrong
        assert await rows(api.database, "SELECT id FROM jobs") == []
        begun = await send(anna, prompt=f"Worlds of {HOSTILE}")
        assert begun.status_code == 303, begun.text
        way = begun.headers["location"]
        world_id = UUID(way.rpartition("/")[2])
        assert await value(api.database, "SELECT pictures FROM worlds") is False, "the box was not checked"

        await grown(api, world_id)
        for page in ("", "/state", "/people/oda", "/people/oda/state"):
            found = (await anna.get(f"{way}{page}")).text
            assert (HOSTILE in found, SHOWN in found) == (False, True), page
            assert (await boris.get(f"{way}{page}")).status_code == 404
        assert (await boris.get(f"{way}/events")).status_code == 404
        assert (await anna.get(f"{way}/people/nobody")).status_code == 404
        assert HOSTILE not in (await anna.get("/worlds")).text
        assert way not in (await boris.get("/worlds")).text

        token, theirs = csrf((await anna.get(way)).text), csrf((await boris.get("/worlds")).text)
        for act in ("cancel", "retry"):
            assert (await boris.post(f"{way}/{act}", data={"csrf": theirs})).status_code == 404
            assert (await anna.post(f"/worlds/{uuid4()}/{act}", data={"csrf": token})).status_code == 404
        for act, status in (("cancel", "cancelled"), ("retry", "pending")):
            answer = await anna.post(f"{way}/{act}", data={"csrf": token})
            assert (answer.status_code, answer.headers["location"]) == (303, way)
            assert await value(api.database, "SELECT status FROM jobs") == status
        ended = await anna.post(f"{way}/retry", data={"csrf": token})
        assert ended.status_code == 409, "what waits cannot be tried again"


async def grown(api: Api, world_id: UUID) -> None:
    """As if a model had written what nobody should run."""
    one = {"position": 1, "username": "oda", "role": HOSTILE, "social_group": "Riggers", "concept": "x", "posts": 1}
    detail = dict.fromkeys(("display_name", "bio", "appearance", "personality", "avatar_description"), HOSTILE)
    post = {"content": HOSTILE, "image_prompt": None, "hashtags": [HOSTILE], "mood": HOSTILE, "context": HOSTILE}
    async with api.database.transaction() as connection:
        await characters.plan(connection, world_id, [one])
        await characters.write(connection, world_id, 1, {**detail, "interests": [HOSTILE], "speaking_style": HOSTILE})
        planned = [{"position": 1, "concept": "x", "has_image": False}]
        await posts.plan(connection, world_id, characters.id_of(world_id, 1), planned)
        await posts.write(connection, world_id, 1, post)
    await execute(api.database, f"UPDATE worlds SET name = '{HOSTILE}', theme = name, description = '{HOSTILE}'")
