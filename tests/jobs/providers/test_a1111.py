"""A1111 and Forge: only our own picture is ever interrupted, and nothing that was interrupted is a picture."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from jobs.errors import Misconfigured, TemporaryError
from jobs.providers.a1111 import A1111
from jobs.providers.failure_class import FailureClass, failure_class
from sandbox.a1111 import LocalServer
from sandbox.llm.faults import Refusal
from sandbox.serve import serving
from tests.jobs.providers.image_wires import failure, request, size_of

MODES = pytest.mark.parametrize(
    "mode", [{}, {"names_task": True, "internal": False}], ids=["as most versions", "names what runs"]
)


@asynccontextmanager
async def a1111(script: LocalServer, **settings: Any) -> AsyncIterator[tuple[A1111, str]]:
    async with serving(script.app, stop_grace=0.05) as url, httpx.AsyncClient(trust_env=False) as client:
        yield A1111(client, base_url=url, **{"timeout": 30, **settings}), url
        script.webui.release()
        await idle(script)


async def until(holds: Any) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - the stand-in has no event for that
            await asyncio.sleep(0.01)


async def idle(script: LocalServer) -> None:
    await until(lambda: script.webui.running is None and not script.webui.pending)


async def cancelled(drawing: "asyncio.Task[Any]") -> None:
    drawing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await drawing


@MODES
async def test_a_cancelled_picture_of_ours_is_interrupted(mode: dict[str, Any]) -> None:
    script = LocalServer(**mode)
    script.webui.hold()
    async with a1111(script) as (local, _):
        drawing = asyncio.create_task(local.draw(request()))
        await until(lambda: script.webui.running)
        await cancelled(drawing)
        assert len(script.interrupt.requests) == 1, "when draw has returned, the next one may come"
        await idle(script)
    assert [task.interrupted for task in script.webui.drawn] == [True]


@MODES
async def test_nobody_elses_picture_is_interrupted_when_ours_waits_behind_it(mode: dict[str, Any]) -> None:
    script = LocalServer(**mode)
    script.webui.hold()
    async with a1111(script) as (local, url), httpx.AsyncClient(base_url=url, trust_env=False) as somebody:
        theirs = asyncio.create_task(somebody.post("/sdapi/v1/txt2img", json={"prompt": "theirs", "steps": 4}))
        await until(lambda: script.webui.running)
        drawing = asyncio.create_task(local.draw(request()))
        await until(lambda: script.webui.pending)
        await cancelled(drawing)
        script.webui.release()
        assert (await theirs).status_code == 200
    assert script.interrupt.requests == []
    assert script.webui.drawn[0].interrupted is False


async def test_a_task_that_failed_long_ago_is_nothing_to_interrupt() -> None:
    """The web UI goes on naming it, while somebody else's may be running by another way."""
    script = LocalServer()
    async with a1111(script) as (local, _):
        asking = request()
        script.webui.current_task = f"task(postgen-{asking.order_id.hex})"
        script.txt2img.pause()
        drawing = asyncio.create_task(local.draw(asking))
        await script.txt2img.wait_for_requests(1)
        await cancelled(drawing)
        script.txt2img.resume()
    assert script.interrupt.requests == []
    assert len(script.progress.requests) == 1


async def test_the_deadline_interrupts_and_frees_the_backend() -> None:
    script = LocalServer()
    script.webui.hold()
    async with a1111(script, timeout=0.3) as (local, _):
        error = await failure(local)
        await idle(script)
        assert (error.code, failure_class(error)) == ("image_provider_timeout", FailureClass.TRANSIENT)
        assert [task.interrupted for task in script.webui.drawn] == [True]
        script.webui.release()
        assert size_of((await local.draw(request())).data) == (64, 80)


async def test_what_somebody_interrupted_is_no_picture() -> None:
    """It is answered with 200 and a picture like any other."""
    script = LocalServer()
    script.webui.hold()
    async with a1111(script) as (local, url), httpx.AsyncClient(base_url=url, trust_env=False) as somebody:
        drawing = asyncio.create_task(local.draw(request()))
        await until(lambda: script.webui.running)
        await somebody.post("/sdapi/v1/interrupt")
        with pytest.raises(TemporaryError) as raised:
            await drawing
        assert raised.value.code == "image_truncated"
        assert len(script.interrupt.requests) == 1, "and we interrupt nothing"
        script.webui.release()
        await local.draw(request())


async def test_a_picture_in_any_form_and_the_seed_that_it_took() -> None:
    script = LocalServer(data_uri=True)
    async with a1111(script, options={"steps": 4, "sampler_name": "Euler"}) as (local, _):
        drawn = await local.draw(request(seed=2**40 + 7))
        assert (drawn.seed, drawn.content_type, size_of(drawn.data)) == (7, "image/png", (64, 80))
        sent = script.txt2img.requests[0].body
        assert (sent["seed"], sent["sampler_name"], sent["batch_size"]) == (7, "Euler", 1)
        assert "override_settings" not in sent, "what is loaded stays"
        script.progress.order(Refusal(500, "no progress today"))
        await local.draw(request())
    assert b"red fox" not in drawn.data, "the prompt is not in the file"


@pytest.mark.parametrize("model", ["tiny.safetensors [0123abcd]", "tiny.safetensors", "tiny", "0123abcd"])
async def test_a_model_by_any_of_its_names(model: str) -> None:
    script = LocalServer(models=["other.safetensors [ffffffff]", "tiny.safetensors [0123abcd]"])
    async with a1111(script, model=model) as (local, _):
        await local.probe()
        await local.draw(request())
    assert script.txt2img.requests[0].body["override_settings"] == {"sd_model_checkpoint": model}


async def test_a_model_that_is_not_there() -> None:
    script = LocalServer()
    async with a1111(script, model="large") as (local, _):
        for asking in (local.probe(), local.draw(request())):
            with pytest.raises(Misconfigured, match="LOCAL_IMAGE_MODEL"):
                await asking
        # A1111 itself draws with what it has, and says so only in the small print
        script.ignores_unknown_models = True
        with pytest.raises(Misconfigured, match="drew with tiny instead of large"):
            await local.draw(request())


async def test_errors_that_name_what_to_change() -> None:
    script = LocalServer()
    async with a1111(script, options={"sampler_name": "Eule"}) as (local, url):
        with pytest.raises(Misconfigured, match="LOCAL_IMAGE_SAMPLER"):
            await local.draw(request())
        local.options = {}
        for body in ('{"detail":"Not Found"}', "Not Found"):
            script.txt2img.order(Refusal(404, body))
            with pytest.raises(Misconfigured, match="--api"):
                await local.draw(request())
        script.auth = "anna:geheim"
        with pytest.raises(Misconfigured, match="user and password in LOCAL_IMAGE_URL"):
            await local.draw(request())
        signed_in = A1111(local.http.client, base_url=url.replace("//", "//anna:geheim@"), timeout=10)
        await signed_in.draw(request())
    assert script.interrupt.requests == [], "what was refused does not run"
