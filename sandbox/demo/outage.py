"""Makes the running demo's language model fail for a while, and shows what Postgen does about it:
`python -m sandbox.demo.outage [SECONDS]`.
"""

import argparse
import asyncio
import sys
import time
from pathlib import Path
from typing import Any

import httpx

from sandbox.demo.failure import DemoFailed
from sandbox.demo.folder import DemoFolder
from sandbox.demo.parts import ROOT
from sandbox.demo.progress import Progress

PROVIDER = "venice"
REPLIES = 6
QUESTION = {"kind": "generate_reply", "input": {"persona": "lina", "user_message": "Hello! How are you?"}}
LOOK_SECONDS = 0.25
# beyond the outage: the longest that the breaker stays open after it, and six answers of a small model
PATIENCE = 90.0


class Watch:
    """`api` is asked with the demo's key, `llm` is the language model's own address."""

    def __init__(self, api: httpx.AsyncClient, llm: httpx.AsyncClient, progress: Progress) -> None:
        self.api = api
        self.llm = llm
        self.progress = progress
        self.shown = ""

    async def run(self, seconds: float) -> None:
        """Raises DemoFailed when a reply does not come in the end."""
        await self._order(seconds)
        jobs = [await self._asked_for() for _ in range(REPLIES)]
        self.progress.say(f"the language model fails for {seconds:g} s; {REPLIES} replies are asked for")
        deadline = time.monotonic() + seconds + PATIENCE
        states = [""]
        while not all(state in ("completed", "failed") for state in states):
            if time.monotonic() > deadline:
                raise DemoFailed(f"After {seconds + PATIENCE:.0f} s the replies are {', '.join(states)}.")
            await asyncio.sleep(LOOK_SECONDS)
            await self._show()
            states = [(await self._get(f"/v1/jobs/{job}"))["status"] for job in jobs]
        await self._show()
        done = states.count("completed")
        self.progress.say(f"{done} of {REPLIES} replies are there; {await self._refused()} calls met the outage")
        if done < REPLIES:
            raise DemoFailed("A reply did not come: see `postgen providers calls --errors`.")

    async def _show(self) -> None:
        """What is new."""
        found = {each["name"]: each for each in (await self._get("/v1/providers"))["providers"]}
        words = _words(found[PROVIDER]) if PROVIDER in found else f"{PROVIDER}: not called yet"
        if words != self.shown:
            self.progress.say(words)
        self.shown = words

    async def _asked_for(self) -> str:
        return str((await self._checked(await self.api.post("/v1/jobs", json=QUESTION)))["id"])

    async def _get(self, path: str) -> dict[str, Any]:
        return await self._checked(await self.api.get(path))

    async def _checked(self, response: httpx.Response) -> dict[str, Any]:
        if not response.is_success:
            raise DemoFailed(f"The API refused {response.url}: {response.status_code} {response.text[:200]}")
        return dict(response.json())

    async def _order(self, seconds: float) -> None:
        await self._checked(await self.llm.post("/sandbox/outage", params={"seconds": seconds}))

    async def _refused(self) -> int:
        return int((await self._checked(await self.llm.get("/sandbox/outage")))["refused"])


def _words(provider: dict[str, Any]) -> str:
    """Without the seconds that change at every look."""
    state = str(provider["state"]).replace("_", " ")
    if provider["probing"]:
        return f"{PROVIDER}: {state}, one call finds out whether it works again"
    if provider["state"] == "open":
        return f"{PROVIDER}: open, nobody calls it. {provider['failure']}"
    return f"{PROVIDER}: {state}"


async def watch(folder: DemoFolder, seconds: float) -> None:
    """Raises DemoFailed where no demo runs in this folder."""
    api, llm, key = (folder.read(name) for name in ("api-address", "llm-address", "api-key"))
    if not (api and llm and key):
        raise DemoFailed(f"No demo runs in {folder.path}. Start it with `make demo`, and keep it running.")
    headers = {"Authorization": f"Bearer {key}"}
    async with (
        httpx.AsyncClient(base_url=api, headers=headers, trust_env=False, timeout=30) as to_api,
        httpx.AsyncClient(base_url=llm, trust_env=False, timeout=30) as to_llm,
    ):
        try:
            await Watch(to_api, to_llm, Progress()).run(seconds)
        except httpx.TransportError as error:
            sentence = f"The demo of {folder.path} does not answer ({type(error).__name__}). Start it: make demo."
            raise DemoFailed(sentence) from None


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m sandbox.demo.outage", description=__doc__)
    parser.add_argument("seconds", nargs="?", type=float, default=15.0)
    parser.add_argument("--folder", type=Path, default=ROOT / ".demo", help="as for the demo itself")
    options = parser.parse_args()
    try:
        asyncio.run(watch(DemoFolder(options.folder), options.seconds))
    except DemoFailed as failure:
        print(failure, flush=True)
        return 1
    except KeyboardInterrupt:
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
