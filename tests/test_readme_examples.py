"""Every example of the README's section "The REST API" runs, as it stands there, and does what it says."""

import asyncio
import base64
import json
import re
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio
from PIL import Image

from sandbox.demo.ports import free_port
from sandbox.postgres import EmbeddedPostgres
from sandbox.serve import serving
from sandbox.webhook_receiver import WebhookReceiver
from tests.readme_blocks import README, readme_block, readme_blocks
from tests.readme_stack import PATIENCE, Stack, readme_stack

LANGUAGES = ("sh", "python", "js")
PROGRAMS = {"sh": ("bash", "curl", "jq"), "python": (), "js": ("node",)}
MISSING = {
    language: [each for each in programs if shutil.which(each) is None] for language, programs in PROGRAMS.items()
}
pytestmark = pytest.mark.asyncio(loop_scope="module")


def languages(*names: str) -> pytest.MarkDecorator:
    """The test runs in each of them, unless what it needs is not installed."""
    return pytest.mark.parametrize(
        "language",
        [
            pytest.param(
                name,
                marks=pytest.mark.skipif(bool(MISSING[name]), reason=f"not installed: {', '.join(MISSING[name])}"),
            )
            for name in names or LANGUAGES
        ],
    )


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def stack(
    postgres: EmbeddedPostgres, template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stack]:
    if MISSING["sh"]:
        pytest.skip(f"the key is made in a shell; not installed: {', '.join(MISSING['sh'])}")
    name = f"test_{uuid4().hex[:12]}"
    async with readme_stack(
        postgres.create_database(name, template), tmp_path_factory.mktemp("readme"), readme_block("key", "sh")
    ) as running:
        yield running
    postgres.drop_database(name)


async def test_every_example_of_the_section_is_run() -> None:
    section = re.split(r"^## ", README.read_text("utf-8"), flags=re.MULTILINE)
    [rest_api] = [each for each in section if each.startswith("The REST API\n")]
    tried = {("key", "sh"), ("endpoint", "sh"), ("listen", "sh"), ("verify", "python"), ("verify", "js")}
    tried |= {(name, language) for name in ("submit", "events", "deliveries") for language in LANGUAGES}
    found = [(block.name, block.language) for block in readme_blocks(rest_api)]
    assert sorted(found) == sorted(tried)
    assert len(found) == rest_api.count("```") // 2, "a block has no marker"


@languages()
async def test_submit_draws_one_picture_and_saves_it_however_often_it_is_asked(
    stack: Stack, tmp_path: Path, language: str
) -> None:
    block = readme_block("submit", language)
    outputs = [await stack.run(block, tmp_path) for _ in range(2)]
    [first, second] = [re.findall(r"saved the picture of ([0-9a-f-]{36})", output) for output in outputs]
    assert first == second
    with Image.open(tmp_path / "lighthouse") as image:
        image.load()
    told = await stack.received(id=first[0], type="job.completed")
    assert told["status"] == "completed"


@languages("sh")
async def test_events_can_be_had_from_the_start_and_from_the_middle(
    stack: Stack, tmp_path: Path, language: str
) -> None:
    job = await stack.job(wait=False)
    output = await stack.run(readme_block("events", language), tmp_path, JOB_ID=job["id"])
    ids = [int(each) for each in re.findall(r"^id: (\d+)$", output, re.MULTILINE)]
    last = ids[-1]
    assert ids[: ids.index(last) + 1] == list(range(1, last + 1))
    assert ids[ids.index(last) + 1 :] == list(range(3, last + 1))
    assert output.count("event: job.completed") == 2


@languages("python", "js")
async def test_events_are_followed_over_a_cut_connection_without_a_gap(
    stack: Stack, tmp_path: Path, language: str
) -> None:
    job = await stack.job(wait=False)
    async with cutting_once(stack.url, b"event: job.started") as (address, cuts):
        block = readme_block("events", language)
        output = await stack.run(block, tmp_path, JOB_ID=job["id"], POSTGEN_URL=address)
    assert cuts == [True]
    assert "connecting again" in output
    told = [line.split() for line in output.splitlines() if re.match(r"\d+ job\.", line)]
    assert [int(seq) for seq, *_ in told] == list(range(1, len(told) + 1))
    assert [told[0][1], *told[-1][1:]] == ["job.created", "job.completed", "completed"]


@asynccontextmanager
async def cutting_once(url: str, before: bytes) -> AsyncIterator[tuple[str, list[bool]]]:
    """The same server at another address, where the first connection that brings these bytes breaks before them."""
    cuts: list[bool] = []
    parts, tasks = urlsplit(url), set[asyncio.Task[None]]()

    async def forward(source: asyncio.StreamReader, target: asyncio.StreamWriter, *, answers: bool) -> None:
        while data := await source.read(65536):
            found = data.find(before) if answers and not cuts else -1
            target.write(data if found < 0 else data[:found])
            await target.drain()
            if found >= 0:
                cuts.append(True)
                return

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        tasks.add(task)
        upstream, to_upstream = await asyncio.open_connection(parts.hostname, parts.port)
        ways = [
            asyncio.ensure_future(forward(reader, to_upstream, answers=False)),
            asyncio.ensure_future(forward(upstream, writer, answers=True)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            pass
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            for end in (writer, to_upstream):
                end.transport.abort()
            tasks.discard(task)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", cuts
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@languages("python", "js")
async def test_a_webhook_is_verified_and_a_forged_one_refused(stack: Stack, tmp_path: Path, language: str) -> None:
    [secret] = (await stack.run(readme_block("endpoint", "sh"), tmp_path)).split()
    assert secret.startswith("whsec_")
    made = (await stack.http.get("/v1/webhook-endpoints")).json()["endpoints"][-1]
    assert made["url"] == stack.hook
    port = str(free_port())
    try:
        async with stack.running(
            readme_block("verify", language), tmp_path, PORT=port, WEBHOOK_SECRET=secret
        ) as receiver:
            address = f"http://127.0.0.1:{port}/hook"
            await answers(address)
            changed = await stack.http.patch(f"/v1/webhook-endpoints/{made['id']}", json={"url": address})
            assert changed.status_code == 200, changed.text
            before = len(stack.receiver.received)
            job = await stack.job()
            await receiver.until(f"job.completed {job['id']}")
            await stack.received(id=job["id"], type="job.completed")
            genuine = stack.receiver.received[before]
            await is_refused(address, {**genuine.headers}, genuine.body)
    finally:
        await stack.http.delete(f"/v1/webhook-endpoints/{made['id']}")


async def answers(address: str) -> None:
    async with asyncio.timeout(PATIENCE), httpx.AsyncClient(trust_env=False) as client:
        while True:
            try:
                assert (await client.post(address, content=b"{}")).status_code == 401
            except httpx.TransportError:
                await asyncio.sleep(0.05)
            else:
                return


async def is_refused(address: str, headers: dict[str, str], body: bytes) -> None:
    """Signed with another endpoint's secret; signed, but changed; not signed at all."""
    names = ("webhook-id", "webhook-timestamp", "webhook-signature")
    signed = {name: headers[name] for name in names}
    forged = signed | {"webhook-signature": "v1," + base64.b64encode(bytes(32)).decode()}
    async with httpx.AsyncClient(trust_env=False) as client:
        for given, content in ((signed, body), (signed, body + b" "), (forged, body), ({}, body)):
            assert (await client.post(address, headers=given, content=content)).status_code == 401


@languages()
async def test_a_delivery_is_sent_again_and_a_day_replayed(stack: Stack, tmp_path: Path, language: str) -> None:
    job = await stack.job()
    first = await stack.received(id=job["id"], type="job.completed")
    await sent(stack, job["id"])
    before = len(stack.receiver.received)
    output = await stack.run(readme_block("deliveries", language), tmp_path, JOB_ID=job["id"])
    assert "job.completed" in output
    assert stack.hook in output
    assert re.search(r"completed.*replayed\W+[1-9]", output)

    again = await stack.received(after=before, **{"webhook-id": first["webhook-id"]})
    assert again["body"] == first["body"]
    replayed = await stack.received(after=before, **{"webhook-replay": "true"})
    assert replayed["type"] == "job.completed"


async def sent(stack: Stack, job_id: str) -> None:
    async with asyncio.timeout(PATIENCE):
        while True:
            found: list[dict[str, Any]] = (await stack.http.get("/v1/deliveries", params={"job": job_id})).json()[
                "deliveries"
            ]
            if found and all(each["status"] == "sent" for each in found):
                return
            await asyncio.sleep(0.05)


@languages("sh")
async def test_listen_posts_events_to_a_local_address(stack: Stack, tmp_path: Path, language: str) -> None:
    block = readme_block("listen", language)
    local = WebhookReceiver()
    async with serving(local.app) as address:
        text = block.text.replace("http://localhost:3000", address)
        assert text != block.text
        async with stack.running(type(block)("listen", "sh", text), tmp_path) as listening:
            await listening.until("listening")
            job = await stack.job()
            await listening.until("job.completed")
            listening.signal(signal.SIGINT)
            await listening.until("stopped")
        told = [json.loads(each.body) for each in local.received]
    assert {each["data"]["id"] for each in told} >= {job["id"]}
    assert [each["type"] for each in told if each["data"]["id"] == job["id"]][-1] == "job.completed"
