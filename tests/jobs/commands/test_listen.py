import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response

from jobs.commands import event_line
from jobs.commands.listen import listen
from jobs.errors import InvalidInput, PermanentError
from jobs.signatures import new_secret, verify
from jobs.webhooks.body import webhook_id
from tests.api.live_api import LONG, LiveApi, live_api, served_app
from tests.api.opened_api import ANNA, BORIS
from tests.conftest import ROOT
from tests.jobs.events.writers import new_job, run_to_end
from tests.jobs.queue_probe import until

Json = dict[str, Any]


@dataclass
class Hook:
    """A local application under development."""

    url: str = ""
    status: int = 204
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        self.got.append((dict(request.headers), await request.body()))
        await Response(status_code=self.status)(scope, receive, send)

    @property
    def bodies(self) -> list[Json]:
        return [json.loads(body) for _, body in self.got]


@pytest.fixture
async def hook() -> AsyncIterator[Hook]:
    found = Hook()
    async with served_app(found) as url:
        found.url = f"{url}/hook"
        yield found


@pytest.fixture
async def api(database_url: str) -> AsyncIterator[LiveApi]:
    async with live_api(database_url) as live:
        yield live


def key_of(api: LiveApi) -> str:
    return api.anna.headers["authorization"].removeprefix("Bearer ")


@asynccontextmanager
async def listening(api: LiveApi, hook: Hook, **more: Any) -> AsyncIterator[None]:
    """Once its stream is open."""
    task = asyncio.create_task(listen(hook.url, api=api.url, key=key_of(api), **more))
    await until(lambda: task.done() or api.app.state.streams.by_key)
    assert not task.done(), task.exception()
    try:
        yield
    finally:
        task.cancel()
        await task
        await until(lambda: not api.app.state.streams.by_key)


async def test_events_arrive_as_webhooks_would(api: LiveApi, hook: Hook, capsys: pytest.CaptureFixture[str]) -> None:
    secret = new_secret()
    async with listening(api, hook, secret=secret):
        await new_job(api.database, owner=BORIS)
        job = await new_job(api.database, owner=ANNA)
        await run_to_end(api.database, job.id)
        said: list[str] = []

        def all_told() -> bool:
            # a line is printed after the answer has come
            said.extend(capsys.readouterr().out.splitlines())
            return len([line for line in said if str(job.id) in line]) == 3

        await until(all_told)
    assert [body["type"] for body in hook.bodies] == ["job.created", "job.started", "job.completed"]
    last = hook.bodies[-1]
    assert set(last) == {"type", "timestamp", "data"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", last["timestamp"])
    assert (last["data"]["id"], last["data"]["result"], last["data"]["prev_seq"]) == (str(job.id), {"text": "Hello"}, 2)
    for headers, body in hook.got:
        assert verify(headers, body, secrets=[secret]) == "v1"
    assert [headers["webhook-id"] for headers, _ in hook.got] == [webhook_id(job.id, seq) for seq in (1, 2, 3)]
    printed = [line for line in said if str(job.id) in line]
    assert re.fullmatch(rf"\d\d:\d\d:\d\d  job\.completed    {job.id}  204 in \d+ ms", printed[2])


async def test_only_what_was_asked_for(api: LiveApi, hook: Hook) -> None:
    async with listening(api, hook, events="job.completed"):
        job = await new_job(api.database, owner=ANNA)
        await run_to_end(api.database, job.id)
        await until(lambda: hook.got)
    [body] = hook.bodies
    assert (body["type"], body["data"]["prev_seq"]) == ("job.completed", None)


async def test_what_was_missed_is_fetched(api: LiveApi, hook: Hook) -> None:
    jobs = [await new_job(api.database, owner=ANNA) for _ in range(3)]
    first = (await api.anna.get("/v1/events", params={"limit": 1})).json()["next"]
    async with listening(api, hook, after=first):
        await until(lambda: len(hook.got) == 2)
    assert [body["data"]["id"] for body in hook.bodies] == [str(job.id) for job in jobs[1:]]


async def test_a_local_application_that_is_away_or_unhappy_is_told_of(
    api: LiveApi, hook: Hook, capsys: pytest.CaptureFixture[str]
) -> None:
    hook.status = 500
    async with listening(api, hook):
        await new_job(api.database, owner=ANNA)
        await until(lambda: hook.got)
        assert "  500 in " in await printed(capsys)
    hook.url = "http://127.0.0.1:9/hook"
    async with listening(api, hook):
        await new_job(api.database, owner=ANNA)
        assert "no answer (ConnectError)" in await printed(capsys)


async def printed(capsys: pytest.CaptureFixture[str]) -> str:
    """Up to and with the next line about an event."""
    words = ""

    def told() -> bool:
        nonlocal words
        words += capsys.readouterr().out
        return "job.created" in words and words.endswith("\n")

    await until(told)
    return words


async def test_a_lost_stream_is_taken_up_where_it_was(
    api: LiveApi, hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_line, "FIRST_PAUSE", 0.05)
    async with listening(api, hook):
        one = await new_job(api.database, owner=ANNA)
        await until(lambda: len(hook.got) == 1)
        hub = api.app.state.hub
        hub.drain()  # all streams take leave
        two = await new_job(api.database, owner=ANNA)
        hub.draining = False
        await until(lambda: len(hook.got) == 2, LONG)
        three = await new_job(api.database, owner=ANNA)
        await until(lambda: len(hook.got) == 3, LONG)
    assert [body["data"]["id"] for body in hook.bodies] == [str(job.id) for job in (one, two, three)]


async def test_a_key_that_is_not_valid_ends_it_with_the_api_s_words(api: LiveApi, hook: Hook) -> None:
    with pytest.raises(PermanentError, match="refuses: This key is not known"):
        await listen(hook.url, api=api.url, key="pg_wrong_key")


async def test_an_address_that_is_no_api_is_told_of(hook: Hook) -> None:
    hook.status = 404
    with pytest.raises(PermanentError, match="Is this the address of the REST API"):
        await listen(hook.url, api=hook.url, key="pg_wrong_key")


@pytest.mark.parametrize(
    ("forward", "api", "secret", "words"),
    [
        ("localhost:3000", "http://api", None, "--forward"),
        ("http://", "http://api", None, "--forward"),
        ("http://hook", "ftp://api", None, "--api"),
        ("http://hook", "http://api", "secret", "--secret"),
    ],
)
async def test_options_that_cannot_work_are_named(forward: str, api: str, secret: str | None, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        await listen(forward, api=api, key="pg", secret=secret)


async def test_ctrl_c_ends_it_quietly(api: LiveApi, hook: Hook) -> None:
    call = f"listen({hook.url!r}, api={api.url!r}, key={key_of(api)!r})"
    code = f"import asyncio; from jobs.commands.listen import listen; asyncio.run({call})"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout
        assert b"listening" in await asyncio.wait_for(process.stdout.readline(), LONG)
        process.send_signal(signal.SIGINT)
        out, errors = await asyncio.wait_for(process.communicate(), LONG)
    finally:
        with suppress(ProcessLookupError):
            process.kill()
    assert (process.returncode, errors, out.strip()) == (0, b"", b"-- stopped")
