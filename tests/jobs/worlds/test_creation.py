"""A world from one sentence: as many people and posts as were asked for, fitting together, and never doubled."""

from pathlib import Path

from jobs.db.session import Database
from jobs.worlds.language import is_kept
from sandbox.gemini_content import Content
from tests.factories import rows, value
from tests.jobs.worlds.creation import OWNER, PROMPT, creating


async def test_numbers_asked_for_are_numbers_made_whatever_the_model_gives(database: Database, tmp_path: Path) -> None:
    """It leaves out a third of each list and gives the same name again and again."""
    async with creating(database, tmp_path, Content(fewer=3, repeats=2)) as creation:
        root = await creation.ask(users=7, posts=17)
        await creation.work()
        done, people, posts = await creation.look(root), await creation.people(root), await creation.posts(root)
    assert (done.status, done.partial, done.error) == ("completed", False, None)
    [world] = await rows(database, "SELECT * FROM worlds")
    assert (world["id"], world["owner"], world["prompt"], world["language"]) == (root.id, OWNER, PROMPT, "Russian")
    assert [each["position"] for each in people] == [1, 2, 3, 4, 5, 6, 7]
    assert len({each["username"] for each in people}) == 7
    groups = [each["name"] for each in world["social_groups"]]
    assert {each["social_group"] for each in people} == set(groups)
    roles = {each["name"]: set(each["roles"]) for each in world["social_groups"]}
    assert all(each["role"] in roles[each["social_group"]] for each in people)
    assert [each["position"] for each in posts] == list(range(1, 18))
    by_author = [sum(post["character_id"] == each["id"] for post in posts) for each in people]
    assert by_author == [3, 3, 3, 2, 2, 2, 2] == [each["posts"] for each in people]
    told = [*(each["bio"] for each in people), *(each["content"] for each in posts), world["history"]]
    assert all(is_kept(PROMPT, words) for words in told), "in the letters of the prompt"
    assert not any(each.startswith("#") for post in posts for each in post["hashtags"])
    with_image = [post for post in posts if post["has_image"]]
    assert 0 < len(with_image) < 17
    assert all((post["image_media_id"] is None) != post["has_image"] for post in posts)
    assert done.result == {
        "world_id": str(root.id), "name": world["name"], "users": 7, "avatars": 7, "posts": 17,
        "post_images": len(with_image),
    }  # fmt: skip
    files = await value(database, "SELECT count(*) FROM media WHERE owner = :owner", owner=OWNER)
    assert files == 2 + 7 + len(with_image)
    stages = {each["stage"]: (each["planned"], each["done"], each["failed"]) for each in done.progress["stages"]}
    assert stages == {
        "description": (1, 1, 0), "world_images": (2, 2, 0), "character_batch": (1, 1, 0), "characters": (7, 7, 0),
        "avatars": (7, 7, 0), "post_batches": (7, 7, 0), "posts": (17, 17, 0),
        "post_images": (len(with_image),) * 2 + (0,),
    }  # fmt: skip
    assert all(done.usage[name] > 0 for name in ("prompt_tokens", "completion_tokens", "gpu_seconds"))
