"""A world whose steps fail: the rest goes on, it is said what is missing, and a retry makes that and nothing else."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from jobs.db.session import Database
from sandbox.comfyui.faults import Fault
from sandbox.gemini_content import Content
from tests.factories import rows, value
from tests.jobs.worlds.creation import Creation, creating

Json = dict[str, Any]


def breaking(*beginnings: str) -> Callable[[Json], str]:
    """A model that has nothing to say to the first request with each of these beginnings, however often it comes."""
    content, broken = Content(), dict.fromkeys(beginnings, "")

    def answer(body: Json) -> str:
        asked = str(body["messages"][1]["content"])
        for beginning in beginnings:
            if asked.startswith(beginning):
                broken[beginning] = broken[beginning] or asked
                if broken[beginning] == asked:
                    return "no"
        return content(body)

    return answer


async def test_what_fails_is_missing_and_a_retry_makes_that_alone(database: Database, tmp_path: Path) -> None:
    async with creating(database, tmp_path) as creation:
        creation.gemini.say(breaking("Write the profile of", "Write this post of"))
        creation.lane.faults.order(Fault("error", times=100, prompt_contains="simple emblem"))
        root = await creation.ask(users=3, posts=6)
        await creation.work()
        partly = await creation.look(root)
        assert (partly.status, partly.partial, partly.error) == ("completed", True, None)
        missing = {each["stage"]: each["count"] for each in partly.progress["missing"]}
        assert missing == {"world_images": 1, "characters": 1, "posts": 1}
        assert partly.result is not None
        assert (partly.result["users"], partly.result["avatars"], partly.result["posts"]) == (2, 2, 3)
        [nobody] = [each["position"] for each in await creation.people(root) if each["written_at"] is None]
        [unwritten] = [each["position"] for each in await creation.posts(root) if each["written_at"] is None]
        lacks = {each["what"]: (each["positions"], each["error"]["code"]) for each in partly.result["missing"]}
        assert lacks.pop("icon")[0] == []
        assert lacks == {
            "characters": ([nobody], "llm_invalid_output"), "avatars": ([nobody], "llm_invalid_output"),
            "posts": (sorted([unwritten, nobody, nobody + 3]), "llm_invalid_output"),
        }  # fmt: skip
        tries = await rows(database, "SELECT kind, attempt FROM jobs WHERE status = 'failed' ORDER BY kind")
        assert [(each["kind"], each["attempt"]) for each in tries] == [
            ("generate_character", 2), ("generate_post", 2), ("generate_world_image", 1),
        ]  # fmt: skip # what ComfyUI says of a graph it will say again
        before = written(await creation.people(root)) | written(await creation.posts(root))
        creation.gemini.say(Content())
        creation.lane.faults.clear()
        asked_before = len(creation.gemini.requests)
        await retry(creation, root.id, root.owner)
        again = (await creation.look(root)).progress
        assert again["missing"] == [] == [each for each in again["stages"] if each["failed"]], "as it is now"
        assert again["done"] < again["total"], "it told what it had told at its end, until the first step was done"
        await creation.work()
        whole = await creation.look(root)
        assert (whole.status, whole.partial, whole.progress["missing"]) == ("completed", False, [])
        assert whole.result is not None
        assert (whole.result["users"], whole.result["avatars"], whole.result["posts"]) == (3, 3, 6)
        assert whole.result["missing"] == []
        # a person, the plan of their two posts, these posts, and the post that had failed
        assert len(creation.gemini.requests) - asked_before == 1 + 1 + 2 + 1
        after = written(await creation.people(root)) | written(await creation.posts(root))
        assert {key: after[key] for key in before} == before, "what was there is as it was"
        assert await value(database, "SELECT icon_media_id IS NOT NULL FROM worlds")


async def test_without_its_people_a_world_has_failed_and_a_retry_goes_on_there(
    database: Database, tmp_path: Path
) -> None:
    async with creating(database, tmp_path) as creation:
        creation.gemini.say(first_in_english(breaking("Invent")))
        root = await creation.ask(users=2, posts=2)
        await creation.work()
        reminded = creation.gemini.requests[1].body["systemInstruction"]["parts"][0]["text"]
        assert "Mind the language" in reminded
        failed = await creation.look(root)
        assert (failed.status, (failed.error or {})["code"]) == ("failed", "llm_invalid_output")
        tries = await rows(database, "SELECT attempt FROM jobs WHERE kind = 'generate_character_batch'")
        assert [each["attempt"] for each in tries] == [4]
        open_jobs = "SELECT count(*) FROM jobs WHERE status IN ('pending', 'processing')"
        assert await value(database, open_jobs) == 0 == await value(database, "SELECT count(*) FROM characters")
        creation.gemini.say(Content())
        await retry(creation, root.id, root.owner)
        await creation.work(most=4)
        async with database.transaction() as connection:
            await creation.resources.intake.cancel(connection, root.id, root.owner)
        await creation.work()
        assert (await creation.look(root)).status == "cancelled"
        assert await value(database, open_jobs) == 0
        await retry(creation, root.id, root.owner)
        await creation.work()
        whole = await creation.look(root)
        assert (whole.status, whole.partial) == ("completed", False)
        assert (len(await creation.people(root)), len(await creation.posts(root))) == (2, 2)


async def test_steps_that_clients_ask_for_make_what_is_missing_in_worlds_of_their_own(
    database: Database, tmp_path: Path
) -> None:
    async with creating(database, tmp_path) as creation:
        root = await creation.ask(users=1, posts=1)
        await creation.work(most=2, queue="world")
        # at the same moment as the world's own: what the later one writes is there already
        await creation.step("generate_character_batch", root)
        await creation.work()
        assert (await creation.look(root)).status == "completed"
        assert [len(await creation.people(root)), len(await creation.posts(root))] == [1, 1]
        asked, drawn = len(creation.gemini.requests), len(creation.lane.log.runs)
        again = [
            await creation.step("generate_world_description", root),
            await creation.step("generate_character_batch", root),
            await creation.step("generate_character", root, character=1),
            await creation.step("generate_post_batch", root, character=1),
            await creation.step("generate_post", root, post=1),
            await creation.step("generate_world_image", root, picture="icon"),
        ]
        foreign = await creation.step("generate_character", root, owner="key:eve", character=1)
        beyond = await creation.step("generate_post", root, post=2)
        await creation.work()
        assert {(await creation.look(each)).status for each in again} == {"completed"}
        assert await value(database, "SELECT count(*) FROM jobs WHERE parent_id = ANY(:ids)", ids=ids(again)) == 0
        assert (len(creation.gemini.requests), len(creation.lane.log.runs)) == (asked, drawn), "it was all there"
        assert {((await creation.look(each)).error or {})["code"] for each in (foreign, beyond)} == {"not_found"}
        async with database.transaction() as connection:
            await connection.exec_driver_sql("UPDATE characters SET avatar_media_id = NULL")
        portrait = await creation.step("generate_character_avatar", root, character=1)
        await creation.work()
        [person] = await creation.people(root)
        assert {"media_id": str(person["avatar_media_id"])} == (await creation.look(portrait)).result


def ids(jobs: list[Any]) -> list[Any]:
    return [each.id for each in jobs]


def first_in_english(then: Callable[[Json], str]) -> Callable[[Json], str]:
    calls: list[Json] = []

    def answer(body: Json) -> str:
        calls.append(body)
        in_english = {**body, "messages": [{"role": "user", "content": "a world"}]}
        return Content()(in_english) if len(calls) == 1 else then(body)

    return answer


def written(found: list[Json]) -> dict[Any, Json]:
    """The rows to which nothing is to be added."""
    return {each["id"]: each for each in found if each["written_at"] is not None and has_its_picture(each)}


def has_its_picture(row: Json) -> bool:
    if "avatar_media_id" in row:
        return row["avatar_media_id"] is not None
    return row["image_media_id"] is not None or not row["has_image"]


async def retry(creation: Creation, job_id: Any, owner: str) -> None:
    async with creation.database.transaction() as connection:
        await creation.resources.intake.retry(connection, job_id, owner)
