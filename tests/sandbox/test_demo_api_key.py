"""The demo's key of the REST API: made once, kept secret, replaced when it opens nothing any more."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from sandbox.demo.api_key import demo_key
from sandbox.demo.failure import DemoFailed
from sandbox.demo.folder import DemoFolder
from sandbox.demo.part import Command
from sandbox.demo.parts import key_creation
from sandbox.demo.processes import Processes
from tests.api.live_api import LiveApi, live_api
from tests.factories import execute


@asynccontextmanager
async def opened(tmp_path: Path) -> AsyncIterator[tuple[DemoFolder, Processes]]:
    folder = DemoFolder(tmp_path / "demo")
    with folder.locked():
        yield folder, Processes(folder)


def creation(database_url: str) -> Command:
    return key_creation({"PATH": os.environ["PATH"], "DATABASE_URL": database_url})


async def opens(api: LiveApi, path: str, key: str) -> int:
    async with httpx.AsyncClient(base_url=api.url, trust_env=False) as client:
        return (await client.get(path, headers={"Authorization": f"Bearer {key}"})).status_code


async def test_a_key_is_made_once_and_replaced_when_it_was_revoked(database_url: str, tmp_path: Path) -> None:
    async with live_api(database_url) as api, opened(tmp_path) as (folder, processes):
        first = await demo_key(api.url, folder, processes, creation(database_url))
        assert [await opens(api, path, first) for path in ("/v1/jobs", "/v1/keys")] == [200, 200]
        assert await demo_key(api.url, folder, processes, creation(database_url)) == first

        await execute(api.database, f"UPDATE api_keys SET revoked_at = now() WHERE prefix = '{first.split('_')[1]}'")
        second = await demo_key(api.url, folder, processes, creation(database_url))
        assert second != first
        assert await opens(api, "/v1/jobs", second) == 200
        assert folder.read("api-key") == second
    kept = [path for path in await asyncio.to_thread(files_of, folder.path) if second in path.read_text()]
    assert [(path.name, path.stat().st_mode & 0o777) for path in kept] == [("api-key", 0o600)]


def files_of(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def test_a_key_that_cannot_be_made_is_told_with_the_reason(tmp_path: Path) -> None:
    async with opened(tmp_path) as (folder, processes):
        nowhere = creation("postgresql://nobody@127.0.0.1:9/none")
        with pytest.raises(
            DemoFailed, match=r"postgen keys create ended with status 1[^$]*The database does not answer"
        ):
            await demo_key("http://127.0.0.1:9", folder, processes, nowhere)
        assert folder.read("api-key") == ""
