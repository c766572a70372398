"""A file is saved under its name, with the ending that its content has; and nothing of a report runs in a browser."""

from urllib.parse import unquote
from uuid import UUID, uuid4

import httpx
import pytest

from jobs.db.analyses import comparisons, documents, reports
from jobs.db.files import media
from jobs.db.files.media import StoredFile
from jobs.media import MediaStore
from jobs.reports.formats import FORMATS
from tests.api.opened_api import ANNA, Api

TITLE = 'Договор "аренды"; 2026 / №7'


async def stored(store: MediaStore, content_type: str) -> StoredFile:
    file = await store.put(b"<script>alert(1)</script>", uuid4())
    return StoredFile(file.id, file.key, content_type, file.size, file.sha256)


async def compared(api: Api, ids: list[UUID]) -> dict[str, StoredFile]:
    """A comparison's reports in each format."""
    files = {fmt: await stored(api.app.state.media, kind.content_type) for fmt, kind in FORMATS.items()}
    comparison_id = uuid4()
    asked = {"looks_for": ["risks"], "question": "", "model": "", "language": "ru", "report_formats": ["md"]}
    async with api.database.transaction() as connection:
        await comparisons.insert(connection, comparison_id, ANNA, ids, title=TITLE, **asked)
        comparison = await reports.read(connection, comparison_id)
        assert comparison
        await reports.enter(connection, comparison, files, job_id=None, ttl=600)
    return files


async def uploaded(api: Api, name: str, fmt: str, content_type: str) -> tuple[UUID, StoredFile]:
    document_id, file = uuid4(), await stored(api.app.state.media, content_type)
    async with api.database.transaction() as connection:
        await documents.insert(connection, document_id, ANNA, name, fmt, file.size, document_id.hex)
        await documents.attach(connection, document_id, ANNA, file)
    return document_id, file


def name_in(answer: httpx.Response) -> tuple[str, str, str]:
    """How it is shown, its plain name, and its real one."""
    place, plain, *real = answer.headers["content-disposition"].split("; ")
    return place, plain, unquote(real[0].removeprefix("filename*=UTF-8''"), errors="strict") if real else ""


async def test_reports_and_documents_were_saved_as_bin(api: Api) -> None:
    first, html = await uploaded(api, "Страница.exe", "html", "text/html")
    second, markdown = await uploaded(api, "notes.MARKDOWN", "md", "text/markdown")
    for fmt, file in (await compared(api, [first, second])).items():
        for answer in (await api.anna.get(f"/v1/media/{file.id}"), await api.anna.head(f"/v1/media/{file.id}")):
            assert answer.headers["content-type"] == FORMATS[fmt].content_type
            assert answer.headers["x-content-type-options"] == "nosniff"
            place = "inline" if fmt == "pdf" else "attachment"
            name = f"Договор аренды 2026 7.{fmt}"
            assert name_in(answer) == (place, f'filename="{file.id}.{fmt}"', name)
            assert answer.headers.get("content-security-policy", "").startswith("sandbox;") == (fmt != "pdf")
    for file, plain, name in ((html, "html", "Страница.exe.html"), (markdown, "md", "notes.MARKDOWN")):
        answer = await api.anna.get(f"/v1/media/{file.id}")
        assert name_in(answer) == ("attachment", f'filename="{file.id}.{plain}"', name)


@pytest.mark.parametrize(("content_type", "ending"), [("application/json", "json"), ("text/CSV; header=present", "csv"),
                                                      ("application/x-unheard-of", "bin")])  # fmt: skip
async def test_what_has_no_name_has_an_ending(api: Api, content_type: str, ending: str) -> None:
    file = await stored(api.app.state.media, content_type)
    async with api.database.transaction() as connection:
        await media.insert(connection, file, owner=ANNA, job_id=None, ttl=600)
    answer = await api.anna.get(f"/v1/media/{file.id}")
    assert name_in(answer) == ("attachment", f'filename="{file.id}.{ending}"', "")
