"""The wires of the providers of pictures, each with its stand-in, and how a test asks them."""

import io
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import uuid4

import httpx
import pytest
from PIL import Image
from starlette.applications import Starlette

from jobs.errors import PostgenError
from jobs.providers.a1111 import A1111
from jobs.providers.failure_class import FailureClass
from jobs.providers.image_provider import Drawn, ImageProvider, ImageRequest, Ordered
from jobs.providers.image_settings import USUAL_INPUT
from jobs.providers.live3d import opened
from jobs.providers.live3d_settings import Live3dSettings
from jobs.providers.replicate import Replicate
from sandbox.a1111 import LocalServer
from sandbox.http_job import HttpJobs
from sandbox.http_place import Place
from sandbox.llm.faults import Fault, Refusal
from sandbox.replicate import ReplicateServer, throttled
from sandbox.serve import serving

KEY = "r8_VerySecretIndeed"


class Scripted(Protocol):
    app: Starlette


@dataclass(frozen=True)
class Wire:
    """`places`: the stand-in's addresses that a picture needs, in order, by the names of its attributes; `files` is the
    one that has the bytes. `faults`: how it says each class, at the first of the places.
    """

    name: str
    script: Callable[[], Any]
    open: Callable[..., ImageProvider]
    places: tuple[str, ...]
    faults: Mapping[FailureClass, Fault]

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Stage:
    """One of the addresses that a wire needs for a picture."""

    wire: Wire
    place: str

    @property
    def orders(self) -> bool:
        """Whether what is lost here may have been taken, and paid for."""
        return self.place == self.wire.places[0] and self.wire.name != "local"

    def of(self, script: Any) -> Place:
        place: Place = getattr(script, self.place)
        return place

    def __str__(self) -> str:
        return f"{self.wire}-{self.place}"


def local(client: httpx.AsyncClient, url: str, *, answer_within: float = 10, **more: Any) -> ImageProvider:
    address = url.replace("://", f"://anna:{KEY}@")
    return A1111(client, base_url=address, timeout=answer_within, options={"steps": 4}, **more)


def live3d(client: httpx.AsyncClient, url: str, *, answer_within: float = 10, **more: Any) -> ImageProvider:
    settings = Live3dSettings(
        _env_file=None, live3d_base_url=url, live3d_api_key=KEY, **{f"live3d_{name}": it for name, it in more.items()}
    )
    provider = opened(client, settings)
    provider.timeout = answer_within
    return provider


def replicate(client: httpx.AsyncClient, url: str, *, answer_within: float = 10) -> ImageProvider:
    provider = Replicate(
        client, base_url=url, token=KEY, model="sandbox/landscapes", timeout=60, template=USUAL_INPUT
    )  # fmt: skip
    provider.answer_seconds, provider.held_seconds = answer_within, 0
    return provider


def _detail(status: int, words: str, **headers: str) -> Refusal:
    return Refusal(status, {"detail": words}, headers)


def _msg(status: int, words: str, **headers: str) -> Refusal:
    return Refusal(status, {"code": status, "msg": words}, headers)


OUT_OF_MEMORY = Refusal(500, {"error": "OutOfMemoryError", "detail": "", "errors": "CUDA out of memory. Tried to …"})
LOCAL = Wire("local", lambda: LocalServer(auth=f"anna:{KEY}"), local, ("txt2img",), {
    FailureClass.TRANSIENT: OUT_OF_MEMORY,
    FailureClass.RATE_LIMITED: _detail(429, "slow down", **{"Retry-After": "7"}),
    FailureClass.QUOTA: _detail(402, "pay first"),
    FailureClass.AUTH: _detail(401, f"Incorrect username or password for anna:{KEY}"),
    FailureClass.BAD_REQUEST: Refusal(422, {"detail": [{"loc": ["body", "seed"], "msg": "value is not an integer"}]}),
    FailureClass.CONTENT_BLOCKED: _detail(403, "flagged by moderation"),
})  # fmt: skip
LIVE3D = Wire("live3d", lambda: HttpJobs(looks=1, api_key=KEY), live3d, ("submit", "state", "files"), {
    FailureClass.TRANSIENT: _msg(503, "busy"),
    FailureClass.RATE_LIMITED: _msg(429, "slow down", **{"Retry-After": "7"}),
    FailureClass.QUOTA: _msg(402, "no credits"),
    FailureClass.AUTH: _msg(401, f"unknown key {KEY}"),
    FailureClass.BAD_REQUEST: _msg(400, "prompt is too long"),
    FailureClass.CONTENT_BLOCKED: _msg(422, "content policy violation"),
})  # fmt: skip
REPLICATE = Wire("replicate", lambda: ReplicateServer(token=KEY), replicate, ("create", "look", "files"), {
    FailureClass.TRANSIENT: _detail(503, "busy"),
    FailureClass.RATE_LIMITED: Refusal(*throttled(7)),
    FailureClass.QUOTA: _detail(402, "You have insufficient credit to run this model."),
    FailureClass.AUTH: _detail(401, f"You did not pass a valid authentication token: {KEY}"),
    FailureClass.BAD_REQUEST: _detail(422, "- input.width: Must be one of 512, 1024"),
    FailureClass.CONTENT_BLOCKED: _detail(422, "The prompt was flagged by our content policy"),
})  # fmt: skip
WIRES = [LOCAL, LIVE3D, REPLICATE]
STAGES = [Stage(wire, place) for wire in WIRES for place in wire.places]


def request(**changes: Any) -> ImageRequest:
    given = {"prompt": "a red fox", "negative_prompt": "blurry", "seed": 2**40 + 7, "width": 64, "height": 80}
    return ImageRequest(**{**given, "order_id": uuid4(), **changes})


@asynccontextmanager
async def asked(wire: Wire, script: Scripted, **settings: Any) -> AsyncIterator[ImageProvider]:
    async with serving(script.app, stop_grace=0.05) as url, httpx.AsyncClient(trust_env=False) as client:
        try:
            yield wire.open(client, url, **settings)
        finally:
            if isinstance(script, ReplicateServer):
                await script.aclose()


async def drawn(provider: ImageProvider, asking: ImageRequest | None = None) -> Drawn:
    """Looks as often as it takes, without the waits between."""
    found = await provider.draw(asking or request())
    for _ in range(10):
        if isinstance(found, Drawn):
            return found
        assert isinstance(found, Ordered)
        found = await provider.collect(found.prediction_id)
    raise AssertionError("it is never done")


async def failure(provider: ImageProvider) -> PostgenError:
    """What drawing fails with, in words that give nothing away."""
    with pytest.raises(PostgenError) as raised:
        await drawn(provider)
    error = raised.value
    assert error.detail.endswith(".")
    assert KEY not in str(error.as_json())
    assert error.__cause__ is None or KEY not in repr(error.__cause__)
    return error


def size_of(data: bytes) -> tuple[int, int]:
    with Image.open(io.BytesIO(data)) as picture:
        picture.load()
        assert "parameters" not in picture.info
        return picture.size
