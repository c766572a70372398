"""Does a world grow? Asks for a small one, waits for its end, and looks at what there is of it."""

import io
import time

from PIL import Image

from sandbox.demo.api_user import ApiUser, Json
from sandbox.demo.failure import DemoFailed
from sandbox.demo.progress import Progress

PROMPT = "A harbour town where every lighthouse is a library"
USERS, POSTS = 2, 2


# seconds
PATIENCE, REAL_PATIENCE = 90, 1200


async def try_world(api: ApiUser, progress: Progress, *, real: bool) -> None:
    """`real`: the small real model writes its texts. Raises DemoFailed with what is missing."""
    writer = "the small real model" if real else "a stand-in"
    begun = time.monotonic()
    job = await api.submitted("init_world_creation", {"prompt": PROMPT, "users": USERS, "posts": POSTS})
    ended = await api.completed(job["id"], REAL_PATIENCE if real else PATIENCE)
    world = (await api.get(f"/v1/worlds/{job['id']}")).json()
    made: Json = ended["result"]
    if (made["users"], made["posts"]) != (USERS, POSTS):
        raise DemoFailed(f"The world {job['id']} has {made['users']} people and {made['posts']} posts.")
    if ended["partial"]:
        raise DemoFailed(f"Of the world {job['id']} something is missing: see {world['urls']['page']}")
    pictures = 2 + made["avatars"] + made["post_images"]
    progress.say(
        f"POST /v1/jobs init_world_creation  →  {time.monotonic() - begun:.0f} s: “{made['name']}” with {made['users']}"
        f" people, {made['posts']} posts and {pictures} pictures, written by {writer}"
    )
    progress.say(f"its background is {await _picture(api, world['background_url'])}; look at {world['urls']['page']}")


async def _picture(api: ApiUser, url: str) -> str:
    answer = await api.get(url, headers={"Authorization": ""})
    with Image.open(io.BytesIO(answer.content)) as picture:
        picture.load()
        return f"a {picture.format} of {picture.width}×{picture.height}"
