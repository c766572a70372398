"""The chats of a demo outlive its chat page."""

import asyncio
import io
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from PIL import Image

from sandbox.bot_api.sandbox import Sandbox
from sandbox.bot_api.server import running_sandbox
from sandbox.demo.chat_archive import ChatArchive
from sandbox.demo.environment import TOKEN
from sandbox.demo.ports import free_port


def picture() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (64, 64), "red").save(buffer, "PNG")
    return buffer.getvalue()


async def snapshot(client: httpx.AsyncClient, user_id: int) -> list[dict[str, object]]:
    chat = (await client.get(f"/sandbox/users/{user_id}/chat")).raise_for_status().json()
    messages: list[dict[str, object]] = chat["messages"]
    return [{name: value for name, value in message.items() if name != "update_state"} for message in messages]


async def test_messages_pictures_and_numbers_go_on_where_they_ended(tmp_path: Path) -> None:
    archive = ChatArchive(tmp_path / "chats.pickle")
    async with running_sandbox(TOKEN) as first, httpx.AsyncClient(base_url=first.url) as client:
        user = first.sandbox.add_user("Ольга", language_code="ru").user_id
        await client.post(f"/sandbox/users/{user}/messages", json={"text": "Привет"})
        sent = await client.post(f"/bot{TOKEN}/sendPhoto", data={"chat_id": user}, files={"photo": picture()})
        file_id = sent.raise_for_status().json()["result"]["photo"][-1]["file_id"]
        shown = (await client.get(f"/sandbox/files/{file_id}")).content
        before = await snapshot(client, user)
        next_update = first.sandbox.bot().outbox.next_id
        archive.keep(first.sandbox)

    async with running_sandbox(TOKEN) as second, httpx.AsyncClient(base_url=second.url) as client:
        assert archive.restore(second.sandbox)
        assert await snapshot(client, user) == before
        assert len(before) == 2
        assert (await client.get(f"/sandbox/files/{file_id}")).content == shown
        again = await client.post(f"/bot{TOKEN}/sendPhoto", data={"chat_id": user, "photo": file_id})
        assert again.raise_for_status().json()["result"]["message_id"] == before[-1]["message_id"] + 1  # type: ignore[operator]  # an int in JSON
        assert second.sandbox.bot().outbox.next_id == next_update


async def test_an_archive_that_cannot_be_read_is_put_aside(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    archive = ChatArchive(tmp_path / "chats.pickle")
    archive.file.write_bytes(b"of another world")
    async with running_sandbox(TOKEN) as running:
        sandbox: Sandbox = running.sandbox
        assert not archive.restore(sandbox)
        assert list(sandbox.users) == []
    assert not archive.file.exists()
    assert "cannot be read" in capsys.readouterr().out


async def test_the_chat_page_begins_with_people_and_keeps_what_was_said(tmp_path: Path) -> None:
    archive = ChatArchive(tmp_path / "chats.pickle")
    async with chat_page(archive) as client:
        users = (await client.get("/sandbox/users")).raise_for_status().json()
        assert [user["first_name"] for user in users] == ["Anna", "Иван"]
        said = await client.post(f"/sandbox/users/{users[0]['id']}/messages", json={"text": "Hello"})
        said.raise_for_status()
    async with chat_page(archive) as client:
        assert (await client.get("/sandbox/users")).json() == users
        assert [message["text"] for message in await snapshot(client, users[0]["id"])] == ["Hello"]


@asynccontextmanager
async def chat_page(archive: ChatArchive) -> AsyncIterator[httpx.AsyncClient]:
    """A process of its own, ended by SIGTERM."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sandbox.demo.chat", "--port", str(port), "--archive", str(archive.file),
        stdout=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
            await until_healthy(client, process)
            yield client
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def until_healthy(client: httpx.AsyncClient, process: asyncio.subprocess.Process) -> None:
    async with asyncio.timeout(60):
        while process.returncode is None:
            try:
                (await client.get("/healthz")).raise_for_status()
            except httpx.TransportError:
                await asyncio.sleep(0.05)
            else:
                return
    pytest.fail(f"the chat page ended with status {process.returncode}")
