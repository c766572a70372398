"""A program that uses the demo's REST API with its key: what it is refused, or waits for in vain, ends the try-out."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from sandbox.demo.failure import DemoFailed

Json = dict[str, Any]

# seconds; less than the API's longest wait
WAIT = 45


class ApiUser:
    """Use `api_user`."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    async def get(self, url: str, **options: Any) -> httpx.Response:
        return await self._asked("GET", url, **options)

    async def post(self, url: str, **options: Any) -> httpx.Response:
        return await self._asked("POST", url, **options)

    async def submitted(self, kind: str, given: Json) -> Json:
        """The job as it was taken in."""
        return dict((await self.post("/v1/jobs", json={"kind": kind, "input": given})).json())

    async def completed(self, job_id: str, patience: float) -> Json:
        """The job at its end. Raises DemoFailed when it fails, or takes longer than `patience` seconds."""
        deadline = time.monotonic() + patience
        while True:
            left = deadline - time.monotonic()
            headers = {"Prefer": f"wait={max(1, min(WAIT, round(left)))}"}
            job = (await self.get(f"/v1/jobs/{job_id}", headers=headers)).json()
            if job["status"] == "completed":
                return dict(job)
            if job["status"] not in ("pending", "processing"):
                raise DemoFailed(
                    f"The {job['kind']} job {job_id} is {job['status']}. {(job['error'] or {}).get('detail')}"
                )
            if left <= 0:
                told = f"{job['status']} after {patience:g} s, in {job['queue']}"
                raise DemoFailed(f"The {job['kind']} job {job_id} is still {told}.")

    async def _asked(self, method: str, url: str, **options: Any) -> httpx.Response:
        try:
            answer = await self.client.request(method, url, **options)
        except httpx.TransportError as error:
            raise DemoFailed(f"The API broke off at {url}: {type(error).__name__}.") from None
        if not answer.is_success:
            raise DemoFailed(f"The API refused {method} {url}: {answer.status_code} {answer.text[:300]}")
        return answer


@asynccontextmanager
async def api_user(api_url: str, key: str) -> AsyncIterator[ApiUser]:
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(base_url=api_url, headers=headers, trust_env=False, timeout=WAIT + 10) as client:
        yield ApiUser(client)
