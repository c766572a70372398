"""Reports through the door: made with the analysis, made when they are asked for, made anew when they are gone."""

import asyncio
import io
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import docx
import httpx
import pytest

from jobs import housekeeping
from jobs.db.analyses.reports import let_go
from jobs.documents.refusals import SENTENCES
from jobs.lifecycle import run_job
from jobs.reports.making import Made, make_reports
from jobs.reports.refused_documents import refusals
from jobs.resources import Resources
from sandbox.llm.reading import reader
from sandbox.ollama import ScriptedOllama
from tests.api.opened_api import ANNA, Api
from tests.factories import execute, rows, submit, to_chat, value, worker
from tests.jobs.analysis.comparing import FEES, contract, desk, document
from tests.jobs.growing import Garden
from tests.jobs.reports.compared import add_document, store

Json = dict[str, Any]


@pytest.fixture
async def maker(api: Api) -> AsyncIterator[Resources]:
    async with worker(api.database) as resources:
        yield resources


async def compared(api: Api, maker: Resources, status: str = "completed") -> UUID:
    """A comparison whose job has this status."""
    job = await submit(maker, "generate_reply", {"persona": "lina", "user_message": "x"}, owner=ANNA)
    async with api.database.transaction() as connection:
        documents = [await add_document(connection, ANNA, f"договор {name}.pdf", name * 64) for name in "ab"]
        comparison_id = await store(connection, ANNA, documents, job.id)
    if status != "pending":
        await execute(api.database, f"UPDATE jobs SET status = 'processing' WHERE id = '{job.id}'")
        await execute(api.database, f"UPDATE jobs SET status = '{status}' WHERE id = '{job.id}'")
    await execute(api.database, "DELETE FROM procrastinate_jobs")
    return comparison_id


async def ask(api: Api, comparison_id: UUID | str, fmt: str, maker: Resources | None = None) -> httpx.Response:
    """With `maker`, somebody works off what the request makes."""
    asking = asyncio.create_task(api.anna.get(f"/v1/comparisons/{comparison_id}/report", params={"format": fmt}))
    while maker and not asking.done():
        await Garden(maker).run_off()
        await asyncio.wait([asking], timeout=0.05)
    return await asking


async def test_a_report_is_made_once_when_it_is_asked_for_and_made_anew_when_it_is_gone(
    api: Api, maker: Resources
) -> None:
    comparison_id = await compared(api, maker)
    first = await ask(api, comparison_id, "docx", maker)
    assert first.status_code == 200, first.text
    assert first.headers["content-type"].endswith("wordprocessingml.document")
    assert (
        "filename*=UTF-8''%D0%94%D0%BE%D0%B3%D0%BE%D0%B2%D0%BE%D1%80%D1%8B%20b%201%20b.docx"
        in (first.headers["content-disposition"])
    )
    assert "тридцать дней" in [each.text for each in docx.Document(io.BytesIO(first.content)).paragraphs]
    # the same file, without a worker
    assert (await ask(api, comparison_id, "docx")).content == first.content
    made = "SELECT count(*) FROM jobs WHERE kind = 'make_report'"
    assert await value(api.database, made) == 1
    # texts are made at once; the first format that was asked for is what one gets without a word
    page = await ask(api, comparison_id, "html")
    assert "Договоры &lt;b&gt;1&lt;/b&gt;" in page.text
    assert (await ask(api, comparison_id, "md")).text.startswith("# Договоры \\<b\\>1\\</b\\>\n")
    for client, status in ((api.boris, 404), (api.nobody, 401)):
        assert (await client.get(f"/v1/comparisons/{comparison_id}/report")).status_code == status
    assert (await api.anna.get(f"/v1/comparisons/{uuid4()}/report")).status_code == 404

    # its file has expired and went, as all files do
    await execute(api.database, "UPDATE media SET expires_at = now() - interval '1 second'")
    await housekeeping.forget_expired(api.database, maker.media, 3600)
    assert await rows(api.database, "SELECT 1 FROM reports") == []
    again = await ask(api, comparison_id, "docx", maker)
    assert again.status_code == 200
    assert await value(api.database, made) == 2
    # or somebody took the bytes
    await maker.media.delete([await value(api.database, "SELECT key FROM media")])
    assert (await ask(api, comparison_id, "docx", maker)).status_code == 200
    assert await value(api.database, made) == 3

    async with api.database.transaction() as connection:
        await let_go(connection, comparison_id)
    assert await value(api.database, "SELECT count(*) FROM media WHERE expires_at > now()") == 0


async def test_a_report_of_earlier_findings_is_not_taken_for_one_of_the_new_ones(api: Api, maker: Resources) -> None:
    comparison_id = await compared(api, maker)
    job_id = await value(api.database, "SELECT job_id FROM comparisons")

    async def make() -> Made:
        return await make_reports(api.database, maker.media, comparison_id, ["md"], job_id=job_id)

    async def enter(made: Made) -> list[Json]:
        async with api.database.transaction() as connection:
            await made.save(connection)
        return await rows(api.database, "SELECT 1 FROM reports")

    old = await make()
    await execute(api.database, "UPDATE comparisons SET finished_at = now()")
    assert await enter(old) == []
    new = await make()
    assert len(await enter(new)) == 1
    await execute(api.database, "DELETE FROM comparisons")
    assert await enter(new) == [], "nor for one of a comparison that was deleted"


async def test_a_report_is_asked_for_twice_and_made_once(api: Api, maker: Resources) -> None:
    comparison_id = await compared(api, maker)
    asked = [asyncio.create_task(ask(api, comparison_id, "pdf")) for _ in range(3)]
    while not await Garden(maker).tickets():  # noqa: ASYNC110 - it comes from the database
        await asyncio.sleep(0.02)
    await Garden(maker).run_off()
    answers = [await each for each in asked]
    assert [each.status_code for each in answers] == [200] * 3
    assert len({each.content for each in answers}) == 1
    assert answers[0].content.startswith(b"%PDF-")
    # whoever came after it was made took the file
    assert await value(api.database, "SELECT count(*) FROM jobs WHERE kind = 'make_report'") == 1


async def test_without_a_worker_the_answer_says_where_it_is_being_made(
    api: Api, maker: Resources, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.answers.report_answer.WAIT_SECONDS", 0.05)
    comparison_id = await compared(api, maker)
    answer = await ask(api, comparison_id, "pdf")
    assert answer.status_code == 202
    job = answer.json()
    assert (job["kind"], job["status"], answer.headers["Location"]) == ("make_report", "pending", job["urls"]["self"])
    assert int(answer.headers["Retry-After"]) > 0
    await api.anna.post(job["urls"]["cancel"])
    # given up, it is made by another job
    assert (await ask(api, comparison_id, "pdf")).json()["id"] != job["id"]


@pytest.mark.parametrize(("status", "words"), [("failed", "Retry it first."), ("processing", "Wait until")])
async def test_what_has_not_completed_has_no_report(api: Api, maker: Resources, status: str, words: str) -> None:
    comparison_id = await compared(api, maker, status)
    answer = await ask(api, comparison_id, "md")
    assert (answer.status_code, answer.json()["code"]) == (409, "no_report_yet")
    assert words in answer.json()["detail"]


async def test_the_job_names_its_files_by_links_that_need_no_key_and_a_chat_gets_them(
    api: Api, maker: Resources
) -> None:
    comparison_id = await compared(api, maker)
    given: Json = {"comparison_id": str(comparison_id), "formats": ["pdf", "md", "pdf"]}
    job = await submit(maker, "make_report", given, owner=ANNA, destination=to_chat())
    await run_job(maker, job.id)
    done = (await api.anna.get(f"/v1/jobs/{job.id}")).json()
    reports = done["result"]["reports"]
    assert set(reports) == {"pdf", "md"}
    for fmt, beginning in (("pdf", b"%PDF-"), ("md", "# Договоры".encode())):
        file = await api.nobody.get(reports[fmt]["url"])
        assert (file.status_code, len(file.content)) == (200, reports[fmt]["size"])
        assert file.content.startswith(beginning)
        assert reports[fmt]["file_name"] == f"Договоры b 1 b.{fmt}"
    assert await value(api.database, "SELECT count(*) FROM media") == 2, "a format named twice is made once"
    sent = await rows(api.database, "SELECT payload FROM deliveries ORDER BY id")
    assert [each["payload"]["file_name"] for each in sent] == ["Договоры b 1 b.pdf", "Договоры b 1 b.md"]


async def test_an_analysis_ends_with_the_reports_of_the_preferences_and_one_that_runs_anew_replaces_them(
    api: Api,
) -> None:
    await api.anna.put("/v1/preferences", json={"report_formats": ["docx", "html"], "language": "ru"})
    async with desk(api.database, ScriptedOllama(reader(FEES))) as it:
        ids = [await document(api.database, contract(changed=changed)) for changed in (False, True)]
        asked = {"title": "Аренда", "documents": [str(each) for each in ids]}
        made = (await api.anna.post("/v1/comparisons", json=asked)).json()
        await it.garden.run_off(at_once=1)
        job = (await api.anna.get(f"/v1/jobs/{made['job_id']}")).json()
        assert (job["status"], job["progress"]["stages"][-1]["stage"]) == ("completed", "report")
        links = job["result"]["reports"]
        assert set(links) == {"docx", "html"}
        page = await api.nobody.get(links["html"]["url"])
        assert "The fee for matter 9 is 1509 euros a month." in page.text
        assert '<html lang="ru">' in page.text
        assert (await ask(api, made["id"], "html")).text == page.text

        anew = {"kind": "run_ollama_analysis", "input": {"comparison_id": made["id"], "report_formats": ["html"]}}
        assert (await api.anna.post("/v1/jobs", json=anew)).status_code == 202
        await it.garden.run_off(at_once=1)
    left = await rows(
        api.database, "SELECT format FROM reports JOIN media ON media.id = media_id WHERE expires_at > now()"
    )
    assert [each["format"] for each in left] == ["html"], (
        "a report of the earlier findings is not shown as one of these"
    )
    assert await value(api.database, "SELECT count(*) FROM media WHERE expires_at <= now()") == 2
    assert (await api.anna.delete(f"/v1/comparisons/{made['id']}")).status_code == 204
    assert await value(api.database, "SELECT count(*) FROM media WHERE expires_at > now()") == 0


async def test_a_format_that_cannot_be_made_takes_no_other_with_it(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.reports.pdf_report.SECONDS", 0.01)
    async with desk(api.database, ScriptedOllama(reader(FEES)), window=32768) as it:
        ids = [str(await document(api.database, contract(changed=changed))) for changed in (False, True)]
        asked = {"title": "Lease", "documents": ids, "report_formats": ["pdf", "md"]}
        made = (await api.anna.post("/v1/comparisons", json=asked)).json()
        await it.garden.run_off()
        job = (await api.anna.get(f"/v1/jobs/{made['job_id']}")).json()
        assert (job["status"], job["partial"], set(job["result"]["reports"])) == ("completed", True, {"md"})
        assert job["progress"]["missing"][0]["error"]["code"] == "report_not_typeset"

        monkeypatch.undo()
        assert (await api.anna.post(job["urls"]["self"] + "/retry")).status_code in (200, 202)
        await it.garden.run_off()
        whole = (await api.anna.get(f"/v1/jobs/{made['job_id']}")).json()
    assert (whole["status"], whole["partial"], set(whole["result"]["reports"])) == ("completed", False, {"pdf", "md"})
    kinds = await rows(api.database, "SELECT kind, retries FROM jobs WHERE kind <> 'run_ollama_analysis' ORDER BY kind")
    assert [(each["kind"], each["retries"]) for each in kinds if each["retries"]] == [("make_report", 1)]


async def test_preferences_are_those_of_the_account(api: Api) -> None:
    assert (await api.anna.get("/v1/preferences")).json() == {"report_formats": ["pdf"], "language": None}
    wanted = {"report_formats": ["docx", "md", "docx"], "language": "ru"}
    kept = {"report_formats": ["docx", "md"], "language": "ru"}
    assert (await api.anna.put("/v1/preferences", json=wanted)).json() == kept
    assert (await api.anna.get("/v1/preferences")).json() == kept
    assert (await api.boris.get("/v1/preferences")).json()["report_formats"] == ["pdf"]
    again = await api.anna.put("/v1/preferences", json={"report_formats": ["html"]})
    assert again.json() == {"report_formats": ["html"], "language": None}
    wrong: Json
    for wrong in ({"report_formats": []}, {"report_formats": ["exe"]}, {}, {**kept, "colour": "red"}):
        refused = await api.anna.put("/v1/preferences", json=wrong)
        assert (refused.status_code, refused.json()["code"]) == (422, "invalid_request")
    assert (await api.nobody.get("/v1/preferences")).status_code == 401


def test_every_reason_not_to_read_a_document_has_words_in_both_languages() -> None:
    for locale in ("en", "ru"):
        assert set(refusals(locale)) == {*SENTENCES, "document_not_read"}
