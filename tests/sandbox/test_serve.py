"""Running an app inside a test's own event loop."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from sandbox.serve import serving


async def test_serves_between_startup_and_shutdown_and_leaves_signals_alone() -> None:
    events: list[str] = []

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        events.append("started")
        yield
        events.append("stopped")

    async def hello(request: Request) -> PlainTextResponse:
        return PlainTextResponse("hello")

    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    async with serving(Starlette(routes=[Route("/", hello)], lifespan=lifespan)) as base_url:
        assert events == ["started"]
        assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before
        async with httpx.AsyncClient() as client:
            assert (await client.get(base_url)).text == "hello"
    assert events == ["started", "stopped"]
    async with httpx.AsyncClient() as client:
        with pytest.raises(httpx.ConnectError):
            await client.get(base_url)


async def test_cancels_what_is_still_answering_when_it_stops() -> None:
    ended = asyncio.Event()

    async def endless(request: Request) -> PlainTextResponse:
        try:
            await asyncio.sleep(3600)
        finally:
            ended.set()
        return PlainTextResponse("never")

    async with httpx.AsyncClient() as client:
        async with serving(Starlette(routes=[Route("/", endless)]), stop_grace=0.1) as base_url:
            asked = asyncio.create_task(client.get(base_url))
            await asyncio.sleep(0.1)
        assert ended.is_set()
        with pytest.raises(httpx.HTTPError):
            (await asked).raise_for_status()


async def test_an_app_that_cannot_start_is_an_error_of_the_caller() -> None:
    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        if app.debug is False:
            raise ValueError("no database")
        yield

    with pytest.raises(RuntimeError, match="did not start"):
        async with serving(Starlette(lifespan=lifespan)):
            pass
