"""GET /v1/media/{id}: who may read a file, which part of it, and what a browser is told about it."""

import asyncio
import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import FastAPI

from api.media_secret import media_secret
from jobs.db.files import media as media_rows
from jobs.db.files.media import StoredFile
from jobs.media import CHUNK, MediaStore
from jobs.media_links import media_url
from jobs.settings import MediaSettings
from sandbox.serve import serving
from tests.api.opened_api import ANNA, Api
from tests.factories import execute

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
HOUR = timedelta(hours=1)


async def keep(api: Api, data: bytes = PNG, *, owner: str = ANNA, content_type: str | None = None) -> StoredFile:
    stored = await api.app.state.media.put(data, uuid4())
    row = StoredFile(stored.id, stored.key, content_type or stored.content_type, stored.size, stored.sha256)
    async with api.database.transaction() as connection:
        await media_rows.insert(connection, row, owner=owner, job_id=None, ttl=3600)
    return row


async def link(app: FastAPI, media_id: UUID, *, expires_at: datetime | None = None) -> str:
    return media_url(media_id, await media_secret(app), expires_at=expires_at or datetime.now(UTC) + HOUR)


def path(stored: StoredFile) -> str:
    return f"/v1/media/{stored.id}"


async def test_the_whole_file(api: Api) -> None:
    stored = await keep(api)
    answer = await api.anna.get(path(stored))
    assert answer.status_code == 200
    assert answer.content == PNG
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["content-length"] == str(len(PNG))
    assert answer.headers["etag"] == f'"{hashlib.sha256(PNG).hexdigest()}"'
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["cache-control"] == "private"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-disposition"] == f'inline; filename="{stored.id}.png"'
    assert "content-range" not in answer.headers


async def test_what_could_run_in_a_browser_is_only_offered_for_saving(api: Api) -> None:
    stored = await keep(api, b"<script>alert(1)</script>", content_type="text/html")
    answer = await api.anna.get(path(stored))
    assert answer.headers["content-disposition"] == f'attachment; filename="{stored.id}.html"'
    assert answer.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("asked", "part", "content_range"),
    [
        ("bytes=0-9", PNG[:10], "bytes 0-9/264"),
        ("bytes=260-", PNG[260:], "bytes 260-263/264"),
        ("bytes=-5", PNG[-5:], "bytes 259-263/264"),
        ("bytes=100-100000", PNG[100:], "bytes 100-263/264"),
    ],
)
async def test_a_part(api: Api, asked: str, part: bytes, content_range: str) -> None:
    stored = await keep(api)
    answer = await api.anna.get(path(stored), headers={"Range": asked})
    assert (answer.status_code, answer.content) == (206, part)
    assert answer.headers["content-range"] == content_range
    assert answer.headers["content-length"] == str(len(part))
    assert answer.headers["etag"] == f'"{stored.sha256}"'


async def test_beyond_the_end(api: Api) -> None:
    stored = await keep(api)
    answer = await api.anna.get(path(stored), headers={"Range": "bytes=264-"})
    assert answer.status_code == 416
    assert answer.headers["content-range"] == "bytes */264"
    assert answer.json()["code"] == "range_not_satisfiable"


async def test_a_download_that_goes_on_gets_the_rest_only_of_the_same_file(api: Api) -> None:
    stored = await keep(api)
    same = {"Range": "bytes=200-", "If-Range": f'"{stored.sha256}"'}
    assert (await api.anna.get(path(stored), headers=same)).status_code == 206
    other = await api.anna.get(path(stored), headers={**same, "If-Range": '"of another"'})
    assert (other.status_code, other.content) == (200, PNG)


async def test_a_file_that_is_known_is_not_sent_again(api: Api) -> None:
    stored = await keep(api)
    known = {"If-None-Match": f'"{stored.sha256}"', "Range": "bytes=0-1"}
    for answer in (await api.anna.get(path(stored), headers=known), await api.anna.head(path(stored), headers=known)):
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer.headers["etag"] == f'"{stored.sha256}"'
        assert answer.headers["cache-control"] == "private"


async def test_head_tells_the_same_without_the_bytes(api: Api) -> None:
    stored = await keep(api)
    told = await api.anna.head(path(stored), headers={"Range": "bytes=0-1"})
    read = await api.anna.get(path(stored))
    assert (told.status_code, told.content) == (200, b"")
    changing = {"ratelimit", "date"}
    assert {name: each for name, each in told.headers.items() if name not in changing} == {
        name: each for name, each in read.headers.items() if name not in changing
    }


async def test_an_empty_file(api: Api) -> None:
    stored = await keep(api, b"")
    answer = await api.anna.get(path(stored))
    assert (answer.status_code, answer.content, answer.headers["content-length"]) == (200, b"", "0")


async def test_nobody_reads_the_file_of_another_owner(api: Api) -> None:
    stored = await keep(api)
    nowhere = await api.boris.get(f"/v1/media/{uuid4()}")
    for client in (api.boris, api.admin):
        answer = await client.get(path(stored))
        assert answer.status_code == 404
        assert answer.json()["code"] == nowhere.json()["code"] == "not_found"
        assert (await client.head(path(stored))).status_code == 404
    assert (await api.nobody.get(path(stored))).status_code == 401
    assert (await api.nobody.head(path(stored))).status_code == 401


async def test_a_signed_link_needs_no_key(api: Api) -> None:
    stored = await keep(api)
    url = await link(api.app, stored.id)
    answer = await api.nobody.get(url, headers={"Range": "bytes=0-3"})
    assert (answer.status_code, answer.content) == (206, PNG[:4])
    assert (await api.nobody.head(url)).status_code == 200
    # also beside a key that could not read it
    assert (await api.boris.get(url)).status_code == 200


async def test_a_link_opens_no_other_file_and_no_longer(api: Api) -> None:
    stored, other = await keep(api), await keep(api)
    url = await link(api.app, stored.id)
    for changed in (
        url.replace(str(stored.id), str(other.id)),
        url.replace("expires=", "expires=1"),
        url[:-3] + ("AAA" if not url.endswith("AAA") else "BBB"),
        url.replace("expires=", "x="),
        path(stored) + "?signature=",
    ):
        answer = await api.nobody.get(changed)
        assert answer.status_code == 403, changed
        assert answer.json()["code"] == "link_not_valid"


async def test_an_expired_link_says_what_to_do(api: Api) -> None:
    stored = await keep(api)
    url = await link(api.app, stored.id, expires_at=datetime.now(UTC) - timedelta(seconds=1))
    answer = await api.nobody.get(url)
    assert answer.status_code == 410
    assert answer.json()["code"] == "link_expired"
    assert "Read the job again" in answer.json()["detail"]


async def test_two_processes_accept_each_others_links(api: Api, database_url: str) -> None:
    from tests.api.opened_api import rest_app

    stored = await keep(api)
    second = rest_app(database_url)
    try:
        url = await link(second, stored.id)
    finally:
        await second.state.database.aclose()
    assert (await api.nobody.get(url)).status_code == 200


async def test_a_file_that_is_kept_no_longer_is_gone(api: Api) -> None:
    stored, lost = await keep(api), await keep(api)
    await api.app.state.media.delete([lost.key])
    await execute(api.database, f"UPDATE media SET expires_at = now() - interval '1 s' WHERE id = '{stored.id}'")
    for each in (stored, lost):
        answer = await api.anna.get(path(each))
        assert answer.status_code == 410
        assert answer.json()["code"] == "media_gone"
        assert "Run the job again" in answer.json()["detail"]
        assert (await api.boris.get(path(each))).status_code == 404


async def test_a_store_that_is_away_comes_back(api: Api, tmp_path: Path) -> None:
    """The folder of the store cannot be read for a moment."""
    api.app.state.media = MediaStore(MediaSettings(media_url=f"file:{tmp_path}/store", _env_file=None))
    stored = await keep(api)
    folder = tmp_path / "store" / stored.key.partition("/")[0]
    folder.rename(tmp_path / "away")
    folder.write_text("in the way")
    answer = await api.anna.get(path(stored))
    assert answer.status_code == 503
    assert answer.json()["code"] == "media_unreachable"
    assert int(answer.headers["retry-after"]) >= 1
    folder.unlink()
    (tmp_path / "away").rename(folder)
    assert (await api.anna.get(path(stored))).content == PNG


async def test_a_large_file_is_read_as_fast_as_it_is_wanted_and_no_faster(api: Api) -> None:
    """Over a real socket: a reader that stops after the first bytes must not make the server read the rest."""
    size = 64 * CHUNK
    stored = await keep(api, PNG + bytes(size - len(PNG)))
    read: list[int] = []
    store: MediaStore = api.app.state.media
    one_chunk = store._chunk

    async def counted(key: str, start: int, stop: int) -> bytes:
        chunk = await one_chunk(key, start, stop)
        read.append(len(chunk))
        return chunk

    store._chunk = counted  # type: ignore[method-assign]  # counts, and does what it did
    url = await link(api.app, stored.id)
    async with serving(api.app) as base, httpx.AsyncClient(base_url=base, trust_env=False) as http:
        part = await http.get(url, headers={"Range": f"bytes={CHUNK}-{3 * CHUNK}"})
        assert len(part.content) == sum(read) == 2 * CHUNK + 1
        read.clear()
        async with http.stream("GET", url) as answer:
            assert answer.headers["content-length"] == str(size)
            assert (await anext(answer.aiter_raw(1000))).startswith(PNG)
            before = -1
            while before != len(read):
                before = len(read)
                await asyncio.sleep(0.2)
        assert max(read) <= CHUNK
        # what the buffers of both sockets hold
        assert len(read) < 48


async def test_a_path_that_is_no_id(api: Api) -> None:
    assert (await api.anna.get("/v1/media/not-an-id")).status_code == 404
