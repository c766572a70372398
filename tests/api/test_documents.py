"""/v1/documents: from the upload to the text, through the door, the queue and the process that reads."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from api.error_catalogue import CATALOGUE
from jobs import housekeeping, lifecycle
from jobs.documents.extractor.limits import LARGEST_FILE
from jobs.documents.refusals import SENTENCES
from jobs.media import FOLDERS, MediaStore
from jobs.resources import Resources
from jobs.settings import MediaSettings
from tests.api.opened_api import ANNA, Api
from tests.factories import execute, rows, value, worker
from tests.jobs.documents import made
from tests.jobs.documents.running import readers

TEXT = "Договор № 7\n\nСрок — тридцать дней.".encode("cp1251")


@pytest.fixture
async def reader(api: Api) -> AsyncIterator[Resources]:
    async with worker(api.database) as resources:
        yield resources


async def upload(client: httpx.AsyncClient, data: bytes, name: str = "a.bin", **headers: str) -> httpx.Response:
    return await client.post("/v1/documents", files={"file": (name, data)}, headers=headers)


async def test_a_document_is_stored_once_and_read_once(api: Api, reader: Resources) -> None:
    pdf = made.pdf("Договор поставки", "Η σύμβαση")
    first = await upload(api.anna, pdf, "C:\\Мои документы\\договор.txt")
    assert first.status_code == 202
    document = first.json()
    assert first.headers["Location"] == document["urls"]["self"] == f"/v1/documents/{document['id']}"
    assert (document["status"], document["format"], document["file_name"]) == ("pending", "pdf", "договор.txt")
    await lifecycle.run_job(reader, UUID(document["job_id"]))
    done = (await api.anna.get(document["urls"]["self"])).json()
    assert (done["status"], done["pages"], done["characters"]) == ("completed", 2, len("Договор поставкиΗ σύμβαση"))
    text = (await api.anna.get(document["urls"]["pages"], params={"limit": 1})).json()
    assert text == {"pages": [{"page": 1, "text": "Договор поставки"}], "has_more": True, "next": 1}
    text = (await api.anna.get(document["urls"]["pages"], params={"after": 1})).json()
    assert text == {"pages": [{"page": 2, "text": "Η σύμβαση"}], "has_more": False, "next": None}
    job = (await api.anna.get(document["urls"]["job"])).json()
    assert (job["kind"], job["queue"]) == ("extract_document", "documents")
    assert job["result"] == {"document_id": document["id"], "pages": 2, "characters": done["characters"]}
    assert (await api.anna.get(document["urls"]["file"])).content == pdf

    again = await upload(api.anna, pdf, "other name.pdf")
    assert (again.status_code, again.json()["id"], again.json()["status"]) == (200, document["id"], "completed")
    other = await upload(api.boris, pdf)
    assert (other.status_code, other.json()["status"]) == (202, "pending")
    assert other.json()["id"] != document["id"]
    assert await rows(api.database, "SELECT count(*) AS files, count(expires_at) AS ending FROM media") == [
        {"files": 2, "ending": 0}
    ]
    for path in ("self", "pages", "file"):
        assert (await api.boris.get(document["urls"][path])).status_code == 404
    assert (await api.boris.delete(document["urls"]["self"])).status_code == 404


async def test_while_a_document_is_read_its_job_tells_how_far_it_is_and_can_be_cancelled(
    api: Api, reader: Resources
) -> None:
    document = (await upload(api.anna, made.endless_pdf())).json()
    run = asyncio.create_task(lifecycle.run_job(reader, UUID(document["job_id"])))
    await progress_told(api)
    job = (await api.anna.get(document["urls"]["job"])).json()
    assert job["progress"] == {"done": 1, "total": 2, "stage": "pages"}
    assert (await api.anna.get(document["urls"]["self"])).json()["status"] == "processing"
    await api.anna.post(job["urls"]["cancel"])
    run.cancel()  # as the worker does, which hears of it
    await asyncio.wait([run])
    stopped = (await api.anna.get(document["urls"]["self"])).json()
    assert (stopped["status"], stopped["error"]["code"]) == ("failed", "document_not_read")
    assert not readers()


async def progress_told(api: Api) -> None:
    async with asyncio.timeout(60):
        while True:
            if await rows(api.database, "SELECT seq FROM job_events WHERE type = 'job.progress'"):
                return
            await asyncio.sleep(0.05)


async def test_uploads_are_listed_page_by_page(api: Api) -> None:
    ids = [(await upload(api.anna, f"document {number}".encode())).json()["id"] for number in range(3)]
    await upload(api.boris, b"document 1")
    first = (await api.anna.get("/v1/documents", params={"limit": 2})).json()
    assert [each["id"] for each in first["documents"]] == ids[:0:-1]
    rest = (await api.anna.get("/v1/documents", params={"cursor": first["next"]})).json()
    assert ([each["id"] for each in rest["documents"]], rest["has_more"]) == (ids[:1], False)


async def test_a_repeated_upload_gets_the_first_answer(api: Api) -> None:
    key = {"Idempotency-Key": "upload-1"}
    before = await stored_files(api)
    first, other = await upload(api.anna, TEXT, **key), await upload(api.anna, b"another text", **key)
    again = await upload(api.anna, TEXT, **key)
    assert (first.status_code, again.status_code, again.json()) == (202, 202, first.json())
    assert again.headers["Idempotent-Replayed"] == "true"
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert await value(api.database, "SELECT count(*) FROM media") == 1
    at_once = await asyncio.gather(*(upload(api.anna, b"many at once") for _ in range(4)))
    assert len({each.json()["id"] for each in at_once}) == 1
    assert sorted(each.status_code for each in at_once) == [200, 200, 200, 202]
    assert len(await stored_files(api)) == len(before) + 2, "what three of them stored was not wanted"


async def stored_files(api: Api) -> set[str]:
    return {file.key for folder in FOLDERS for file in [each async for each in api.app.state.media.files(folder)]}


async def test_what_is_no_document_is_refused_at_the_door(api: Api) -> None:
    for answer, status, code in (
        (await upload(api.anna, made.scanned_pdf()[:3] + bytes(300)), 422, "document_type_unknown"),
        (await upload(api.anna, b""), 422, "document_empty"),
        (await api.anna.post("/v1/documents", json={"file": "x"}), 415, "unsupported_media_type"),
        (await api.anna.post("/v1/documents", files={"other": b"x"}), 422, "invalid_request"),
        (await api.anna.post("/v1/documents", files=[("file", b"x"), ("file", b"y")]), 400, "malformed_form"),
        (await upload(api.anna, bytes(LARGEST_FILE + 1)), 413, "document_too_large"),
        (await upload(api.anna, bytes(LARGEST_FILE + 200_000)), 413, "document_too_large"),
        (await upload(api.nobody, b"text"), 401, "unauthenticated"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert await rows(api.database, "SELECT id FROM media") == []


async def test_a_document_that_cannot_be_read_says_why_and_can_be_tried_again(api: Api, reader: Resources) -> None:
    scanned = made.scanned_pdf()
    answer = await upload(api.anna, scanned)
    address = answer.json()["urls"]["self"]
    await lifecycle.run_job(reader, UUID(answer.json()["job_id"]))
    failed = (await api.anna.get(address)).json()
    job = (await api.anna.get(answer.json()["urls"]["job"])).json()
    assert (failed["status"], failed["error"]["code"]) == ("failed", "document_scanned")
    assert (job["status"], job["error"]["detail"]) == ("failed", failed["error"]["detail"])
    await execute(api.database, "DELETE FROM jobs")
    assert (await api.anna.get(address)).json()["error"] == failed["error"]

    again = await upload(api.anna, scanned)
    assert again.status_code == 202
    assert (again.json()["id"], again.json()["status"]) == (failed["id"], "pending")
    await api.anna.post(f"/v1/jobs/{again.json()['job_id']}/cancel")
    stopped = (await api.anna.get(address)).json()
    assert (stopped["status"], stopped["error"]["code"]) == ("failed", "document_not_read")


async def test_a_document_whose_bytes_were_lost_asks_for_them(api: Api, reader: Resources) -> None:
    answer = await upload(api.anna, TEXT)
    [file] = await rows(api.database, "SELECT key FROM media")
    await api.app.state.media.delete([file["key"]])
    await lifecycle.run_job(reader, UUID(answer.json()["job_id"]))
    lost = (await api.anna.get(answer.json()["urls"]["self"])).json()
    assert (lost["error"]["code"], lost["urls"]["file"]) == ("document_gone", None)
    again = await upload(api.anna, TEXT)
    await lifecycle.run_job(reader, UUID(again.json()["job_id"]))
    assert (await api.anna.get(answer.json()["urls"]["self"])).json()["status"] == "completed"


async def test_a_deleted_document_takes_its_text_and_its_bytes_with_it(api: Api, reader: Resources) -> None:
    kept, gone = await upload(api.anna, b"kept text"), await upload(api.anna, TEXT)
    for each in (kept, gone):
        await lifecycle.run_job(reader, UUID(each.json()["job_id"]))
    await compare(api, kept.json()["id"])
    refused = await api.anna.delete(kept.json()["urls"]["self"])
    assert (refused.status_code, refused.json()["code"]) == (409, "document_in_use")
    assert (await api.anna.delete(gone.json()["urls"]["self"])).status_code == 204
    assert (await api.anna.get(gone.json()["urls"]["self"])).status_code == 404
    assert (await api.anna.get(gone.json()["urls"]["file"])).status_code == 404
    assert await rows(api.database, "SELECT text FROM document_pages") == [{"text": "kept text"}]
    [left] = await rows(api.database, "SELECT key FROM media")
    assert await api.app.state.media.has(left["key"])

    unread = await upload(api.anna, TEXT)
    assert unread.status_code == 202
    assert (await api.anna.delete(unread.json()["urls"]["self"])).status_code == 204
    assert (await api.anna.get(unread.json()["urls"]["job"])).json()["status"] == "cancelled"


async def test_while_the_store_is_down_nothing_comes_in_and_what_goes_goes_later(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = (await upload(api.anna, TEXT)).json()
    monkeypatch.setattr("jobs.media.S3_PATIENCE", timedelta(seconds=0.1))
    there, nowhere = api.app.state.media, {"s3_endpoint": "http://127.0.0.1:9", "s3_access_key": "k"}
    api.app.state.media = MediaStore(
        MediaSettings(media_url="s3://b", s3_secret_key="s", **nowhere, _env_file=None)  # type: ignore[arg-type] # strings become secrets
    )
    refused = await upload(api.anna, b"other words")
    assert (refused.status_code, refused.json()["code"]) == (503, "media_unreachable")
    assert (await api.anna.delete(document["urls"]["self"])).status_code == 204
    [left] = await rows(api.database, "SELECT key FROM media WHERE expires_at <= now()")
    assert await there.has(left["key"])
    await housekeeping.forget_expired(api.database, there, 60)
    assert not await there.has(left["key"])
    assert await rows(api.database, "SELECT id FROM media") == []


def test_every_reason_is_explained_to_clients() -> None:
    assert SENTENCES.keys() <= CATALOGUE.keys()


async def test_a_document_that_nobody_uses_goes_with_its_time_and_a_compared_one_stays(
    api: Api, reader: Resources
) -> None:
    media = api.app.state.media
    compared, fresh, old = [(await upload(api.anna, name)).json() for name in (b"compared", b"fresh", b"old one")]
    await compare(api, compared["id"])
    long_ago = "now() - interval '31 days'"
    await execute(
        api.database,
        f"UPDATE documents SET used_at = {long_ago} WHERE file_name <> 'x' AND id <> '{fresh['id']}'",
        f"UPDATE jobs SET expires_at = {long_ago}",
    )
    [key] = [row["key"] for row in await rows(api.database, f"SELECT key FROM media WHERE id = '{file_of(old)}'")]
    await housekeeping.forget_expired(api.database, media, 60)
    assert not await media.has(key)
    left = (await api.anna.get("/v1/documents")).json()["documents"]
    assert {each["id"] for each in left} == {compared["id"], fresh["id"]}
    assert await value(api.database, "SELECT count(*) FROM media") == 2


def file_of(document: Any) -> str:
    return str(document["urls"]["file"]).rpartition("/")[2]


async def compare(api: Api, document_id: str) -> None:
    await execute(
        api.database,
        "WITH made AS (INSERT INTO comparisons (id, owner, title, language)"
        f" VALUES (gen_random_uuid(), '{ANNA}', 't', 'en') RETURNING id)"
        f" INSERT INTO comparison_documents SELECT id, 1, '{document_id}' FROM made",
    )
