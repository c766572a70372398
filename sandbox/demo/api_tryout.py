"""Does the REST API work? Asks for a picture with the demo's key, waits for it, reads its file by the signed link."""

import io
import time
from typing import Any

import httpx
from PIL import Image

from sandbox.demo.failure import DemoFailed
from sandbox.demo.progress import Progress

REQUEST = {"kind": "generate_image", "input": {"prompt": "a lighthouse at dusk"}}
# seconds; less than the API's longest wait
PATIENCE = 45


async def try_api(api_url: str, key: str, progress: Progress) -> None:
    """Raises DemoFailed with what did not come."""
    async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE + 10) as client:
        begun = time.monotonic()
        try:
            job = await _drawn(client, api_url, key)
            picture = await _file(client, job)
        except httpx.TransportError as error:
            raise DemoFailed(f"The API broke off: {type(error).__name__}.") from None
        took = (time.monotonic() - begun) * 1000
    progress.say(f"POST /v1/jobs, Prefer: wait  →  {took:.0f} ms: {picture}, read by its signed link")


async def _drawn(client: httpx.AsyncClient, api_url: str, key: str) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {key}", "Prefer": f"wait={PATIENCE}"}
    answer = await client.post(f"{api_url}/v1/jobs", json=REQUEST, headers=headers)
    if answer.status_code == 202:
        job = answer.json()
        raise DemoFailed(f"The API's job {job['id']} is still {job['status']} after {PATIENCE} s, in {job['queue']}.")
    if answer.status_code != 200:
        raise DemoFailed(f"The API refused a picture: {answer.status_code} {answer.text[:300]}")
    job = answer.json()
    if job["status"] != "completed":
        raise DemoFailed(f"The API's job {job['id']} is {job['status']}. {job['error']}")
    return dict(job)


async def _file(client: httpx.AsyncClient, job: dict[str, Any]) -> str:
    """Size and format of its picture, after decoding all of it. The link alone must do: no key is sent."""
    answer = await client.get(job["urls"]["media"])
    if answer.status_code != 200:
        raise DemoFailed(f"The file of job {job['id']} cannot be read: {answer.status_code} {answer.text[:300]}")
    with Image.open(io.BytesIO(answer.content)) as picture:
        picture.load()
        return f"a {picture.format} of {picture.width}×{picture.height}, {len(answer.content) / 1000:.0f} kB"
