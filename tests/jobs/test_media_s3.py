"""The media store over a real S3 server: the same promises as over a folder, and what only a network can break."""

import asyncio
import secrets
import signal
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import psutil
import pytest

from jobs import media
from jobs.db.files.media import StoredFile
from jobs.errors import TemporaryError
from jobs.media import CHUNK, PART, MediaStore, key_of
from jobs.settings import MediaSettings
from sandbox.s3 import ACCESS_KEY, SECRET_KEY, S3Server, program

pytestmark = pytest.mark.skipif(program() is None, reason="SeaweedFS is not installed: run make install-dev")

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    started = S3Server(tmp_path_factory.mktemp("s3"))
    started.start()
    try:
        yield started
    finally:
        started.stop()


def settings(server: S3Server, url: str = "s3://pictures/of/postgen", *, secret: str = SECRET_KEY) -> MediaSettings:
    given = {"s3_endpoint": server.endpoint, "s3_access_key": ACCESS_KEY, "s3_secret_key": secret}
    return MediaSettings(media_url=url, **given, _env_file=None)  # type: ignore[arg-type]  # strings become secrets


@pytest.fixture
def store(server: S3Server) -> MediaStore:
    return MediaStore(settings(server))


async def test_in_and_out_again(store: MediaStore) -> None:
    stored = await store.put(PNG, uuid4())
    assert stored.content_type == "image/png"
    assert await store.get(stored.key) == PNG


async def test_a_large_file_goes_in_part_by_part(store: MediaStore) -> None:
    identity, data = uuid4(), bytes(range(256)) * (2 * PART // 256) + b"the end"
    stored = StoredFile(identity, key_of(identity), "text/plain", len(data), "sha")
    with tempfile.SpooledTemporaryFile(max_size=1000) as file:
        file.write(data)
        await store.put_file(file, stored)
    assert await store.get(stored.key) == data


async def test_the_same_name_is_replaced(store: MediaStore) -> None:
    identity = uuid4()
    first, second = await store.put(b"first", identity), await store.put(b"second", identity)
    assert first.key == second.key
    assert await store.get(second.key) == b"second"


async def test_another_prefix_is_another_place(server: S3Server, store: MediaStore) -> None:
    stored = await store.put(PNG, uuid4())
    with pytest.raises(FileNotFoundError):
        await MediaStore(settings(server, "s3://pictures")).get(stored.key)


async def test_deleted_and_deleted_again(store: MediaStore) -> None:
    stored = await store.put(PNG, uuid4())
    await store.delete([stored.key, "aa/nothing"])
    await store.delete([stored.key])
    with pytest.raises(FileNotFoundError):
        await store.get(stored.key)
    with pytest.raises(FileNotFoundError):
        await store.open_range(stored.key, 0, 5)


@pytest.mark.parametrize(("start", "stop"), [(0, 3 * CHUNK + 5), (0, 1), (CHUNK - 1, CHUNK + 1), (3 * CHUNK, None)])
async def test_a_part_comes_in_chunks(store: MediaStore, start: int, stop: int | None) -> None:
    data = secrets.token_bytes(3 * CHUNK + 5)
    stored = await store.put(data, uuid4())
    chunks = [chunk async for chunk in await store.open_range(stored.key, start, stop or len(data))]
    assert b"".join(chunks) == data[start:stop]
    assert all(len(chunk) <= CHUNK for chunk in chunks)


async def test_a_wrong_key_is_a_temporary_error_without_the_secret(server: S3Server) -> None:
    """An operator can put it right while jobs wait."""
    refused = MediaStore(settings(server, secret="not-the-secret"))
    with pytest.raises(TemporaryError) as raised:
        await refused.put(PNG, uuid4())
    assert raised.value.code == "media_unreachable"
    assert "not-the-secret" not in raised.value.detail


async def test_a_server_that_falls_silent_is_given_up_in_time(
    server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client alone would try again for three minutes, while somebody waits for the picture."""
    monkeypatch.setattr(media, "S3_PATIENCE", timedelta(seconds=1))
    monkeypatch.setattr(media, "S3_REQUEST", timedelta(seconds=1))
    store = MediaStore(settings(server))
    stored = await store.put(PNG, uuid4())
    assert server.process
    server.process.send_signal(signal.SIGSTOP)
    while psutil.Process(server.process.pid).status() != psutil.STATUS_STOPPED:  # noqa: ASYNC110 - another process
        await asyncio.sleep(0.01)
    try:
        with pytest.raises(TemporaryError) as raised:
            await store.get(stored.key)
        assert raised.value.code == "media_unreachable"
        assert "127.0.0.1" not in raised.value.detail
    finally:
        server.process.send_signal(signal.SIGCONT)
    assert await store.get(stored.key) == PNG


async def test_s3_without_a_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media, "S3_PATIENCE", timedelta(seconds=1))
    nobody = S3Server(tmp_path)
    nobody.port = 9
    with pytest.raises(TemporaryError):
        await MediaStore(settings(nobody)).put(PNG, uuid4())
