"""The receiver to develop against: it checks, shows, and misbehaves on request."""

import asyncio
import subprocess
import sys
from datetime import UTC, datetime

import httpx
import pytest

from jobs.signatures import new_secret, sign
from sandbox.serve import serving
from sandbox.webhook_receiver import WebhookReceiver

BODY = b'{"type":"test","data":{"id":"1"}}'


async def post(url: str, body: bytes = BODY, headers: dict[str, str] | None = None) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False) as http:
        return await http.post(f"{url}/hook", content=body, headers=headers or {})


async def test_it_checks_the_signature_and_says_what_is_wrong() -> None:
    secret = new_secret()
    receiver = WebhookReceiver(secrets=[secret])
    async with serving(receiver.app) as url:
        right = await post(url, headers=sign("msg_1", datetime.now(UTC), BODY, [secret]))
        wrong = await post(url, headers=sign("msg_1", datetime.now(UTC), BODY, [new_secret()]))
        async with httpx.AsyncClient(trust_env=False) as http:
            shown = (await http.get(f"{url}/received")).json()
    assert (right.status_code, wrong.status_code) == (204, 401)
    assert "No signature matches" in wrong.text
    assert [each["verified"] for each in shown] == ["v1", None]
    assert shown[0]["body"] == BODY.decode()


@pytest.mark.parametrize(("way", "status"), [("500", 500), ("410", 410), ("301", 301), ("accept", 204)])
async def test_it_does_as_it_is_told(way: str, status: int) -> None:
    receiver = WebhookReceiver()
    async with serving(receiver.app) as url, httpx.AsyncClient(trust_env=False) as http:
        assert (await http.post(f"{url}/behaviour", json={"do": way})).json() == {"do": way}
        assert (await post(url)).status_code == status
        refused = await http.post(f"{url}/behaviour", json={"do": "dance"})
        assert (refused.status_code, "accept, slow, hang" in refused.text) == (422, True)


async def test_it_hangs_until_it_is_released() -> None:
    receiver = WebhookReceiver(do="hang")
    async with serving(receiver.app) as url:
        waiting = asyncio.create_task(post(url))
        await receiver.wait_for(1)
        assert not waiting.done()
        receiver.release()
        assert (await waiting).status_code == 204


def test_as_a_program_it_refuses_a_secret_that_is_none() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "sandbox.webhook_receiver", "--secret", "abc"], capture_output=True, text=True
    )
    assert ended.returncode == 2
    assert "begins with whsec_" in ended.stderr
