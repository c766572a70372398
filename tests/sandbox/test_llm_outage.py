"""The server in front of a language model that fails when that is ordered: otherwise nobody would notice that it is
there.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from sandbox.llm.outage import Outage
from sandbox.llm.scripted import ScriptedLlm
from sandbox.serve import serving

ASK = {"model": "any", "messages": [{"role": "user", "content": "hello there"}]}


@asynccontextmanager
async def in_front(llm: ScriptedLlm) -> AsyncIterator[httpx.AsyncClient]:
    async with (
        serving(llm.app, stop_grace=0.05) as upstream,
        serving(Outage(upstream).app, stop_grace=0.05) as url,
        httpx.AsyncClient(base_url=url, timeout=10, trust_env=False) as client,
    ):
        yield client


async def test_what_is_asked_passes_through_until_an_outage_is_ordered() -> None:
    llm = ScriptedLlm()
    async with in_front(llm) as client:
        whole = await client.post("/v1/chat/completions", json=ASK, headers={"Authorization": "Bearer key"})
        async with client.stream("POST", "/v1/chat/completions", json={**ASK, "stream": True}) as response:
            lines = [line async for line in response.aiter_lines() if line]
        assert whole.json()["choices"][0]["message"]["content"]
        assert len(lines) > 2
        assert lines[-1] == "data: [DONE]"
        assert llm.requests[0].headers["authorization"] == "Bearer key"
        assert (await client.get("/nothing?here=1")).status_code == 404

        assert (await client.post("/sandbox/outage", params={"seconds": "soon"})).status_code == 400
        await client.post("/sandbox/outage", params={"seconds": 60})
        refused = await client.post("/v1/chat/completions", json=ASK)
        assert (refused.status_code, len(llm.requests)) == (503, 2)
        assert (await client.get("/health")).status_code == 200, "the server itself is there"
        state = (await client.get("/sandbox/outage")).json()
        assert state["refused"] == 1
        assert state["seconds_left"] > 0
        await client.delete("/sandbox/outage")
        assert (await client.post("/v1/chat/completions", json=ASK)).status_code == 200


async def test_a_client_that_leaves_stops_the_model() -> None:
    llm = ScriptedLlm(["one two three"], piece_delay=60)
    async with in_front(llm) as client:
        async with client.stream("POST", "/v1/chat/completions", json={**ASK, "stream": True}) as response:
            await anext(response.aiter_bytes())
        async with asyncio.timeout(10):
            while llm.requests[-1].outcome == "waiting":  # noqa: ASYNC110 - the stand-in has no event for that
                await asyncio.sleep(0.01)
    assert llm.requests[-1].outcome == "client left"


async def test_no_model_behind_it_is_no_answer_of_its_own() -> None:
    async with (
        serving(Outage("http://127.0.0.1:9").app) as url,
        httpx.AsyncClient(base_url=url, trust_env=False) as client,
    ):
        assert (await client.get("/health")).status_code == 503
