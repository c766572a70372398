"""Replicate's calls back: signed as Standard Webhooks are, and repeated until somebody hears them."""

import asyncio
import base64
import hashlib
import hmac
import json
import time
from uuid import uuid4

import httpx

from sandbox.replicate_state import Drawing

PAUSE = 0.2
MOST_TRIES = 20


class CallsBack:
    """`answers`: the statuses that were answered, in order. While `mute`, calls are kept in `unsent` instead."""

    def __init__(self) -> None:
        self.secret = "whsec_" + base64.b64encode(b"a secret of the sandbox, 32 byte").decode()
        self.mute = False
        self.unsent: list[Drawing] = []
        self.answers: list[int] = []
        self.tasks: set[asyncio.Task[None]] = set()

    def make(self, drawing: Drawing) -> None:
        """Where one was asked for."""
        if not drawing.body.get("webhook"):
            return
        if self.mute:
            self.unsent.append(drawing)
            return
        task = asyncio.create_task(self._deliver(drawing), name=f"call about {drawing.id}")
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def call(self, drawing: Drawing, *, webhook_id: str = "", at: float | None = None, secret: str = "") -> int:
        """One call, with the headers that a test wants; the status that was answered."""
        body = json.dumps(drawing.as_json()).encode()
        headers = self.signed(body, webhook_id or f"msg_{uuid4().hex}", at=at, secret=secret)
        async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
            answer = await client.post(drawing.body["webhook"], content=body, headers=headers)
        self.answers.append(answer.status_code)
        return answer.status_code

    def signed(self, body: bytes, webhook_id: str, *, at: float | None = None, secret: str = "") -> dict[str, str]:
        moment = str(int(time.time() if at is None else at))
        key = base64.b64decode((secret or self.secret).split("_")[1])
        content = f"{webhook_id}.{moment}.".encode() + body
        signature = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
        return {
            "content-type": "application/json", "webhook-id": webhook_id, "webhook-timestamp": moment,
            # while a secret is changed there are two
            "webhook-signature": f"v1,{base64.b64encode(b'another').decode()} v1,{signature}",
        }  # fmt: skip

    async def aclose(self) -> None:
        for task in list(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def _deliver(self, drawing: Drawing) -> None:
        webhook_id = f"msg_{uuid4().hex}"
        for _ in range(MOST_TRIES):
            try:
                if await self.call(drawing, webhook_id=webhook_id) < 300:
                    return
            except httpx.HTTPError:
                pass
            await asyncio.sleep(PAUSE)
