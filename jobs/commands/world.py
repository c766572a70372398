"""`postgen world`: a world from a sentence, and how far it is until it is there.

It asks the REST API with a key, as any client does: so it works from any machine, the world belongs to the key's
account and is on that account's page, and what holds for clients (limits, content rules) holds for it.
"""

import asyncio
import json
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import httpx

from jobs.commands.event_line import Line, api_client, refused
from jobs.commands.world_bars import OPEN, View, stages_of, view
from jobs.errors import InvalidInput, PermanentError

Json = dict[str, Any]

KIND = "init_world_creation"
# the exit status: all there, no world, a world that lacks something, left while it grows
DONE, FAILED, PARTIAL, LEFT = 0, 1, 3, 130
TRIES, PAUSE = 4, 0.5


@dataclass(frozen=True)
class Wanted:
    """`pictures` None: where the installation can draw."""

    prompt: str
    users: int
    posts: int
    pictures: bool | None = None

    def request(self) -> Json:
        asked: Json = {"prompt": self.prompt, "users": self.users, "posts": self.posts}
        return {"kind": KIND, "input": asked if self.pictures is None else {**asked, "pictures": self.pictures}}


async def grow(wanted: Wanted, *, api: str, key: str) -> int:
    """Start it and follow it to its end; the exit status. Raises PostgenError when the API refuses."""
    if not wanted.prompt.strip():
        raise InvalidInput('Say what world: postgen world --prompt "A harbour town of lamplighters"; or --follow ID.')
    async with api_client(api, key) as http:
        try:
            # the same request again, should its answer be lost, makes no second world
            headers = {"Idempotency-Key": f"postgen-world-{uuid4()}"}
            job = await _asked(http, "POST", "/v1/jobs", json=wanted.request(), headers=headers)
        except asyncio.CancelledError:
            print("-- stopped before the API had answered. If the world was begun: GET /v1/worlds lists it", flush=True)
            return LEFT
        return await _follow(http, job)


async def follow(world: str, *, api: str, key: str) -> int:
    """One that was begun before, wherever."""
    async with api_client(api, key) as http:
        return await _follow(http, await _world(http, world))


async def retry(world: str, *, api: str, key: str) -> int:
    """What is missing of it is made once more, and nothing else."""
    async with api_client(api, key) as http:
        job = await _world(http, world)
        return await _follow(http, await _asked(http, "POST", f"/v1/jobs/{job['id']}/retry"))


async def cancel(world: str, *, api: str, key: str) -> int:
    async with api_client(api, key) as http:
        job = await _world(http, world)
        if job["status"] not in OPEN:
            print(f"This world is {job['status']} already; nothing was changed.", flush=True)
            return FAILED
        await _asked(http, "POST", f"/v1/jobs/{job['id']}/cancel")
    print(f"The world {world} is cancelled: what waits is dropped, what runs is stopped.", flush=True)
    return DONE


async def _world(http: httpx.AsyncClient, world: str) -> Json:
    try:
        job = await _asked(http, "GET", f"/v1/jobs/{UUID(world)}")
    except ValueError:
        raise InvalidInput(f"{world!r} is not the id of a world. It reads {uuid4()}.") from None
    if job["kind"] != KIND:
        raise InvalidInput(f"{world} is no world but a job of kind {job['kind']}.")
    return job


async def _follow(http: httpx.AsyncClient, job: Json) -> int:
    where = _where(http, job)
    print(f"World {job['id']}: {job['input']['prompt']}\n{where}", flush=True)
    try:
        with view() as shown:
            job = await _until_ended(http, job, shown)
        return await _at_the_end(http, job, where)
    except asyncio.CancelledError:
        # Ctrl-C is about this terminal, and not about the world
        print(
            f"-- the world goes on. Follow it: postgen world --follow {job['id']}"
            f"\n-- or cancel it: postgen world --cancel {job['id']}",
            flush=True,
        )
        return LEFT


async def _until_ended(http: httpx.AsyncClient, job: Json, shown: View) -> Json:
    shown.show(stages_of(job))
    line = Line(http, f"/v1/jobs/{job['id']}/events", {"previews": "false"}, say=shown.say)
    async with aclosing(line.events()) as events:
        async for event in events:
            if event.type == "reconnect":
                continue
            told = json.loads(event.data)
            job = told if event.type == "snapshot" else told.get("job", job)
            shown.show(stages_of(job))
            if job["status"] not in OPEN:
                break
    return job


async def _at_the_end(http: httpx.AsyncClient, job: Json, where: str) -> int:
    if job["status"] != "completed":
        error = job["error"] or {}
        print(" ".join(filter(None, (f"The world is {job['status']}.", error.get("detail")))), flush=True)
        print(f"Try again what failed: postgen world --retry {job['id']}", flush=True)
        return FAILED
    world = await _asked(http, "GET", f"/v1/worlds/{job['id']}")
    made = job["result"]
    print(f"{world['name']} is there: {made['users']} people, {made['posts']} posts.\n{where}", flush=True)
    if not job["partial"]:
        return DONE
    print("It is not whole:", *(f"  {each['words']}" for each in world["missing"]), sep="\n", flush=True)
    print(f"Make what is missing: postgen world --retry {job['id']}", flush=True)
    return PARTIAL


def _where(http: httpx.AsyncClient, job: Json) -> str:
    """An API that does not know its own address gives a path: then nobody knows where its pages are seen from."""
    itself, api = job["urls"]["self"], f"/v1/jobs/{job['id']}"
    base = itself.removesuffix(api)
    page = [f"  look at it  {base}/worlds/{job['id']}"] if base else []
    return "\n".join([*page, f"  read it     GET {base or str(http.base_url).rstrip('/')}/v1/worlds/{job['id']}"])


async def _asked(http: httpx.AsyncClient, method: str, path: str, **more: Any) -> Json:
    """Tried a few times where nobody answers. Raises PermanentError."""
    for attempt in range(TRIES):
        with suppress(httpx.TransportError):
            response = await http.request(method, path, **more)
            if response.is_success:
                answer: Json = response.json()
                return answer
            raise refused(response)
        if attempt + 1 < TRIES:
            await asyncio.sleep(PAUSE * 2**attempt)
    raise PermanentError(f"Nobody answers at {http.base_url}. Give the API's address: --api http://localhost:8000")
