"""ComfyUI's HTTP calls, one method each. Whatever goes wrong on the way is a failure in words."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx

from jobs.errors import PermanentError
from jobs.providers.comfyui import failures
from jobs.providers.comfyui.job_state import MISSING, JobState, from_history, from_job, from_queue
from jobs.providers.comfyui.protocol import SavedFile

PATIENCE = httpx.Timeout(30, connect=5)
QUICK = httpx.Timeout(5)


@dataclass(frozen=True)
class Device:
    name: str
    vram_total: int
    vram_free: int


@dataclass(frozen=True)
class SystemStats:
    version: str
    devices: tuple[Device, ...]


class ServerApi:
    def __init__(self, base_url: str) -> None:
        # reading the certificates takes a tenth of a second, and a plain address needs none
        secure = base_url.startswith("https:")
        self.http = httpx.AsyncClient(base_url=base_url, timeout=PATIENCE, trust_env=False, verify=secure)

    async def aclose(self) -> None:
        await self.http.aclose()

    async def submit(self, body: dict[str, Any]) -> None:
        """Raises what a refusal means. A graph of which only a part would run is refused and cancelled."""
        response = await self.call("POST", "/prompt", json=body, accept=(200, 400))
        answer = json_object(response)
        if response.status_code == 200 and answer.get("node_errors"):
            await self.cancel(body["prompt_id"])
        if response.status_code != 200 or answer.get("node_errors"):
            raise failures.workflow_refused(answer)

    async def job(self, prompt_id: str) -> JobState:
        response = await self.call("GET", f"/api/jobs/{prompt_id}", accept=(200, 404), timeout=QUICK)
        if response.status_code == 200:
            return from_job(json_object(response))
        return MISSING if answers_in_json(response) else await self.job_on_older_server(prompt_id)

    async def job_on_older_server(self, prompt_id: str) -> JobState:
        """History once more after the queue: the prompt may have gone from one to the other in between."""
        return await self.history(prompt_id) or await self.queued(prompt_id) or await self.history(prompt_id) or MISSING

    async def history(self, prompt_id: str) -> JobState | None:
        entries = json_object(await self.call("GET", f"/history/{prompt_id}"))
        return from_history(entries[prompt_id]) if prompt_id in entries else None

    async def queued(self, prompt_id: str) -> JobState | None:
        return from_queue(json_object(await self.call("GET", "/queue")), prompt_id)

    async def cancel(self, prompt_id: str) -> bool:
        """Hits this prompt or nothing. True does not promise that a running node listens."""
        response = await self.call("POST", f"/api/jobs/{prompt_id}/cancel", accept=(200, 404, 405), timeout=QUICK)
        if response.status_code == 200:
            return bool(json_object(response).get("cancelled"))
        return await self.cancel_on_older_server(prompt_id)

    async def cancel_on_older_server(self, prompt_id: str) -> bool:
        """The interrupt goes out only while this prompt runs: the oldest servers would stop whatever does."""
        await self.withdraw(prompt_id)
        state = await self.queued(prompt_id)
        if state is None or state.status != "in_progress":
            return True
        await self.call("POST", "/interrupt", json={"prompt_id": prompt_id})
        return True

    async def withdraw(self, prompt_id: str) -> None:
        """Takes the prompt out of the queue if it still waits there; one that runs goes on."""
        await self.call("POST", "/queue", json={"delete": [prompt_id]}, timeout=QUICK)

    async def view(self, file: SavedFile) -> bytes:
        query = {"filename": file.filename, "subfolder": file.subfolder, "type": file.type}
        response = await self.call("GET", "/view", params=query, accept=(200, 404))
        if response.status_code == 404:
            raise failures.output_missing()
        return response.content

    async def delete_history(self, *prompt_ids: str) -> None:
        await self.call("POST", "/history", json={"delete": list(prompt_ids)})

    async def queue_remaining(self) -> int:
        answer = json_object(await self.call("GET", "/prompt", timeout=QUICK))
        return int(answer.get("exec_info", {}).get("queue_remaining", 0))

    async def system_stats(self) -> SystemStats:
        answer = json_object(await self.call("GET", "/system_stats", timeout=QUICK))
        devices = tuple(
            Device(str(each.get("name")), int(each.get("vram_total", 0)), int(each.get("vram_free", 0)))
            for each in answer.get("devices", [])
        )
        return SystemStats(str(answer.get("system", {}).get("comfyui_version", "unknown")), devices)

    async def object_info(self) -> dict[str, Any]:
        return json_object(await self.call("GET", "/object_info"))

    async def free(self) -> None:
        await self.call("POST", "/free", json={"unload_models": True, "free_memory": True})

    async def call(
        self,
        method: str,
        path: str,
        *,
        accept: tuple[int, ...] = (200,),
        timeout: httpx.Timeout = PATIENCE,
        **more: Any,
    ) -> httpx.Response:
        with in_words():
            response = await self.http.request(method, path, timeout=timeout, **more)
        if response.status_code in accept:
            return response
        if response.status_code < 500:
            detail = (
                f"ComfyUI refuses {method} {path} with {response.status_code}. Check the addresses in COMFYUI_HOSTS."
            )
            raise PermanentError(detail, code="comfyui_refused")
        raise failures.unreachable(f"{method} {path} gave {response.status_code}")


@contextlib.contextmanager
def in_words() -> Iterator[None]:
    try:
        yield
    except (httpx.HTTPError, OSError) as error:
        raise failures.unreachable(type(error).__name__) from None


def answers_in_json(response: httpx.Response) -> bool:
    """Tells "no such job" from "no such route", which is plain text."""
    return "json" in response.headers.get("content-type", "")


def json_object(response: httpx.Response) -> dict[str, Any]:
    try:
        answer = response.json()
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise failures.unreachable("its answer is not JSON")
    return answer
