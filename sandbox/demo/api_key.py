"""The demo's own key of the REST API: made as a user makes one, and kept for the next run."""

import httpx

from sandbox.demo.failure import DemoFailed
from sandbox.demo.folder import DemoFolder
from sandbox.demo.part import Command
from sandbox.demo.processes import Processes

NAME = "api-key"


async def demo_key(api_url: str, folder: DemoFolder, processes: Processes, creation: Command) -> str:
    """The kept one, if this API still takes it; otherwise a new one. Raises DemoFailed."""
    kept = folder.read(NAME)
    if kept and await _is_taken(api_url, kept):
        return kept
    return folder.write_secret(NAME, await _new_key(folder, processes, creation))


async def _is_taken(api_url: str, key: str) -> bool:
    # the database may be another one than in the run before, and a key may be revoked
    async with httpx.AsyncClient(base_url=api_url, trust_env=False, timeout=10) as client:
        headers = {"Authorization": f"Bearer {key}"}
        try:
            return (await client.get("/v1/jobs", params={"limit": 1}, headers=headers)).status_code == 200
        except httpx.TransportError as error:
            raise DemoFailed(
                f"The API stopped answering ({type(error).__name__}) when it was asked for jobs."
            ) from None


async def _new_key(folder: DemoFolder, processes: Processes, creation: Command) -> str:
    log = folder.log(creation.name)
    # its words are the key: nobody else may read them, and they do not stay in the logs
    log.touch(mode=0o600)
    log.chmod(0o600)
    await processes.run(creation)
    said = log.read_text()
    log.unlink()
    keys = [line for line in said.splitlines() if line.startswith("pg_")]
    if len(keys) != 1:
        raise DemoFailed("`postgen keys create` ended well and showed no key.")
    return keys[0]
