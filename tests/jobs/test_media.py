"""Bytes in, the same bytes out, wherever they are kept."""

import hashlib
import secrets
from pathlib import Path
from uuid import uuid4

import pytest

from jobs.errors import Misconfigured, TemporaryError
from jobs.media import CHUNK, MediaStore
from jobs.settings import MediaSettings

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))


def store(url: str, **more: str) -> MediaStore:
    return MediaStore(MediaSettings(media_url=url, _env_file=None, **more))  # type: ignore[arg-type]  # strings become secrets


def files_in(folder: Path) -> list[Path]:
    return [each for each in folder.rglob("*") if each.is_file()]


async def test_in_and_out_again(tmp_path: Path) -> None:
    kept = store(f"file:{tmp_path}/new/folder")
    identity = uuid4()
    stored = await kept.put(PNG, identity)
    assert (stored.id, stored.size, stored.content_type) == (identity, len(PNG), "image/png")
    assert stored.sha256 == hashlib.sha256(PNG).hexdigest()
    assert await kept.get(stored.key) == PNG
    assert (tmp_path / "new" / "folder" / stored.key).read_bytes() == PNG


async def test_the_same_name_is_replaced(tmp_path: Path) -> None:
    kept, identity = store(f"file:{tmp_path}"), uuid4()
    first = await kept.put(b"first", identity)
    second = await kept.put(b"second", identity)
    assert first.key == second.key
    assert await kept.get(second.key) == b"second"
    assert len(files_in(tmp_path)) == 1


@pytest.mark.parametrize(
    ("data", "content_type"),
    [
        (PNG, "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp"),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", "application/octet-stream"),
        (b"GIF89a\x01\x00", "image/gif"),
        (b"\x00\x00\x00\x20ftypisom", "video/mp4"),
        (b"%PDF-1.7\n", "application/pdf"),
        (b"<html>", "application/octet-stream"),
        (b"", "application/octet-stream"),
    ],
)
async def test_what_it_is_is_read_from_its_bytes(tmp_path: Path, data: bytes, content_type: str) -> None:
    stored = await store(f"file:{tmp_path}").put(data, uuid4())
    assert stored.content_type == content_type


async def test_what_is_not_there(tmp_path: Path) -> None:
    kept = store(f"file:{tmp_path}")
    with pytest.raises(FileNotFoundError):
        await kept.get("aa/nothing")
    await kept.delete(["aa/nothing"])


async def test_deleted(tmp_path: Path) -> None:
    kept = store(f"file:{tmp_path}")
    keys = [(await kept.put(PNG, uuid4())).key for _ in range(3)]
    await kept.delete([keys[0], "aa/nothing", keys[1]])
    for key in keys[:2]:
        with pytest.raises(FileNotFoundError):
            await kept.get(key)
    assert await kept.get(keys[2]) == PNG


async def test_a_store_in_trouble_is_a_temporary_error_without_its_address(tmp_path: Path) -> None:
    kept = store(f"file:{tmp_path}/store")
    stored = await kept.put(PNG, uuid4())
    folder = tmp_path / "store" / stored.key.partition("/")[0]
    folder.rename(tmp_path / "away")
    folder.write_text("in the way")
    with pytest.raises(TemporaryError) as raised:
        await kept.put(PNG, stored.id)
    assert raised.value.code == "media_unreachable"
    assert str(tmp_path) not in raised.value.detail


async def test_an_s3_that_does_not_answer() -> None:
    kept = store(
        "s3://bucket/prefix", s3_endpoint="http://127.0.0.1:9", s3_access_key="key", s3_secret_key="very-secret"
    )
    assert "very-secret" not in repr(kept)


@pytest.mark.parametrize("url", ["", "file:", "s3:bucket", "ftp://x", "media", "s3://"])
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(Misconfigured, match="MEDIA_URL"):
        store(url)


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(Misconfigured, match="MEDIA_URL"):
        store(f"file:{tmp_path}/file/media")


@pytest.mark.parametrize(
    ("start", "stop"), [(0, 3 * CHUNK + 5), (0, 1), (CHUNK - 1, CHUNK + 1), (2 * CHUNK, 3 * CHUNK), (7, 7)]
)
async def test_a_part_comes_in_chunks(tmp_path: Path, start: int, stop: int) -> None:
    kept, data = store(f"file:{tmp_path}"), secrets.token_bytes(3 * CHUNK + 5)
    stored = await kept.put(data, uuid4())
    chunks = [chunk async for chunk in await kept.open_range(stored.key, start, stop)]
    assert b"".join(chunks) == data[start:stop]
    assert all(len(chunk) <= CHUNK for chunk in chunks)


async def test_a_part_of_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await store(f"file:{tmp_path}").open_range("aa/nothing", 0, 5)


async def test_a_file_that_lost_its_end_is_not_passed_on_as_whole(tmp_path: Path) -> None:
    kept = store(f"file:{tmp_path}")
    stored = await kept.put(bytes(2 * CHUNK), uuid4())
    chunks = await kept.open_range(stored.key, 0, stored.size)
    (tmp_path / stored.key).write_bytes(bytes(CHUNK + 1))
    with pytest.raises(TemporaryError):
        _ = [chunk async for chunk in chunks]
