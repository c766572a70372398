"""Automatic1111's web UI, or Forge, started with --api: one picture at a time, and only our own is ever interrupted.

How far a picture is would have to be asked again and again, so nobody asks: `generate_image` tells that it is drawn.
"""

import asyncio
import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

import httpx

from jobs.providers import a1111_refusals
from jobs.providers.image_failures import ImageFailure, Incomplete, Unreadable, WronglySetUp
from jobs.providers.image_http import Asked, ImageHttp, Reply
from jobs.providers.image_provider import Drawn, ImageProvider, ImageRequest
from jobs.providers.picture_bytes import looked_at
from jobs.providers.png_texts import without_texts

SETTINGS = {"key": "LOCAL_IMAGE_URL", "address": "LOCAL_IMAGE_URL", "model": "LOCAL_IMAGE_MODEL"}
# a look at what runs, and the interruption: nobody waits for them longer
STOP_SECONDS = 5.0
LOOK_SECONDS = 10.0
# some of its random generators take no more
SEEDS = 2**32
DATA_URI = "data:"


class A1111(ImageProvider):
    """`base_url` may carry `user:password@`, as --api-auth wants them. `timeout` bounds a picture, with what it waits
    for: a server draws one after the other, its own users' too.

    `options` are sent along as they are: steps, cfg_scale, sampler_name, scheduler.
    """

    provider = "local"

    def __init__(
        self, client: httpx.AsyncClient, *, base_url: str, model: str = "", timeout: float,
        options: Mapping[str, Any] | None = None,
    ) -> None:  # fmt: skip
        self.base_url, self.headers, secret = _signed_in(base_url)
        self.http = ImageHttp(client, name="local", settings=SETTINGS, secrets=[secret], refused=a1111_refusals.refused)
        self.checkpoint = model
        self.model = model or "loaded"
        self.timeout = timeout
        self.options = dict(options or {})
        self.stopping: set[asyncio.Task[None]] = set()

    async def draw(self, request: ImageRequest) -> Drawn:
        task = f"task(postgen-{request.order_id.hex})"
        try:
            reply = await self._ask("POST", "/sdapi/v1/txt2img", self._body(request, task), self.timeout)
        except (asyncio.CancelledError, ImageFailure) as failure:
            # it draws on when its client has left; after a refusal there is nothing to stop
            if getattr(failure, "status", None) is None:
                await self._stopped(task)
            raise
        if await self._was_interrupted():
            raise Incomplete(f"{self.http.who} was interrupted by somebody: the picture is not complete.")
        return await self._drawn(reply)

    async def probe(self) -> None:
        """Also whether it has the model."""
        found = (await self._ask("GET", "/sdapi/v1/sd-models", None, LOOK_SECONDS)).json()
        try:
            names = [name for each in found for name in (each["title"], each["model_name"], each.get("hash"))]
        except (TypeError, KeyError):
            raise Unreadable(f"{self.http.who} answered with something unreadable.") from None
        if self.checkpoint and not any(_same_model(self.checkpoint, str(name)) for name in names if name):
            raise WronglySetUp(f"{self.http.who} has no model {self.checkpoint}. Check LOCAL_IMAGE_MODEL.")

    def _body(self, request: ImageRequest, task: str) -> dict[str, Any]:
        body = {
            "prompt": request.prompt, "negative_prompt": request.negative_prompt, "seed": request.seed % SEEDS,
            "width": request.width, "height": request.height, "batch_size": 1, "n_iter": 1, "send_images": True,
            "save_images": False, "force_task_id": task, **self.options,
        }  # fmt: skip
        if self.checkpoint:
            # left as it is, so that the next picture finds it loaded
            body["override_settings"] = {"sd_model_checkpoint": self.checkpoint}
            body["override_settings_restore_afterwards"] = False
        return body

    async def _drawn(self, reply: Reply) -> Drawn:
        answer = reply.json()
        try:
            data, info = _bytes(answer["images"][0]), _info(answer.get("info"))
            seed = info.get("seed")
        except (LookupError, TypeError, ValueError, AttributeError):
            raise Unreadable(f"{self.http.who} answered without a picture.") from None
        self._require_model(info)
        content_type = await looked_at(data, self.http.who)
        return Drawn(without_texts(data), content_type, seed if isinstance(seed, int) else None)

    def _require_model(self, info: Mapping[str, Any]) -> None:
        """A1111 draws with another model, and says nothing, where it has not the one that it is asked for."""
        used = [str(info[key]) for key in ("sd_model_name", "sd_model_hash") if info.get(key)]
        if self.checkpoint and info.get("sd_model_name") and not any(_same_model(self.checkpoint, it) for it in used):
            raise WronglySetUp(
                f"{self.http.who} drew with {used[0]} instead of {self.checkpoint}. Check LOCAL_IMAGE_MODEL."
            )

    async def _was_interrupted(self) -> bool:
        """Its flag stays until the next picture begins; the answer itself looks like any other."""
        try:
            state = (await self._ask("GET", "/sdapi/v1/progress?skip_current_image=true", None, LOOK_SECONDS)).json()
            return state["state"]["interrupted"] is True
        except (ImageFailure, LookupError, TypeError):
            return False

    async def _stopped(self, task: str) -> None:
        """In its own time, also where the run is being cancelled."""
        stopping = asyncio.create_task(self._stop(task), name=f"stop {task}")
        self.stopping.add(stopping)
        stopping.add_done_callback(self.stopping.discard)
        await asyncio.wait({stopping})

    async def _stop(self, task: str) -> None:
        """An interruption hits whatever runs, so it is only sent when that is ours."""
        try:
            async with asyncio.timeout(STOP_SECONDS):
                if await self._runs(task):
                    await self._ask("POST", "/sdapi/v1/interrupt", {}, STOP_SECONDS)
        except (ImageFailure, TimeoutError):
            pass  # it stops by itself when the picture is done

    async def _runs(self, task: str) -> bool:
        """Most versions do not name what runs where the API tells of progress; the address of the web UI's own page
        does, but goes on naming a task that failed: so something must run as well.
        """
        progress = (await self._ask("GET", "/sdapi/v1/progress?skip_current_image=true", None, STOP_SECONDS)).json()
        try:
            if progress.get("current_task"):
                return bool(progress["current_task"] == task)
            if not progress["state"]["job_count"]:
                return False
            asked = {"id_task": task, "id_live_preview": -1, "live_preview": False}
            return (await self._ask("POST", "/internal/progress", asked, STOP_SECONDS)).json()["active"] is True
        except (LookupError, TypeError, AttributeError):
            return False

    async def _ask(self, method: str, path: str, body: Any, seconds: float) -> Reply:
        return await self.http.ask(Asked(method, f"{self.base_url}{path}", body, self.headers), seconds)


def _signed_in(address: str) -> tuple[str, dict[str, str], str]:
    """The address without user and password, the header that carries them, and what must not be shown."""
    parts = urlsplit(address.rstrip("/"))
    if parts.username is None:
        return address.rstrip("/"), {}, ""
    user, password = unquote(parts.username), unquote(parts.password or "")
    token = base64.b64encode(f"{user}:{password}".encode()).decode()
    bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    return bare, {"Authorization": f"Basic {token}"}, password


def _bytes(image: str) -> bytes:
    """Raises ValueError, also for what is no base64."""
    if image.startswith(DATA_URI):
        image = image.partition(",")[2]
    data = base64.b64decode(image, validate=True)
    if not data:
        raise binascii.Error("an empty picture")
    return data


def _info(info: Any) -> dict[str, Any]:
    """JSON in a string. What draws like A1111 and says nothing there is as good."""
    found = json.loads(info) if isinstance(info, str) and info else info
    return found if isinstance(found, dict) else {}


def _same_model(wanted: str, name: str) -> bool:
    """A model is called by its title, its file, its name or its hash."""
    title, _, rest = wanted.partition(" [")
    file = title.replace("\\", "/").rpartition("/")[2]
    calls = {wanted, title, file, file.rpartition(".")[0] or file, rest.rstrip("]")}
    return name in calls or _stem(name) in calls


def _stem(name: str) -> str:
    file = name.partition(" [")[0].replace("\\", "/").rpartition("/")[2]
    return file.rpartition(".")[0] or file
