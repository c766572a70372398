"""/analyze: documents sent to the bot are fetched, read, compared, and their reports come back as files."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest

from jobs import endings, lifecycle
from jobs.companion.wording import say
from jobs.db.session import Database
from jobs.db.work import jobs as job_rows
from jobs.kinds import fetch_chat_documents
from jobs.kinds.contract import Run
from jobs.progress import ProgressReport
from jobs.seat import Seat
from sandbox.llm.reading import reader
from sandbox.ollama import ScriptedOllama
from tests.factories import execute, rows, value
from tests.jobs.analysis.comparing import INVENTED, PLANTED, contract
from tests.jobs.companion.purses import balance, sound
from tests.webhook.analysis_bot import WALLET, AnalysisBot, opened_analysis_bot
from tests.webhook.sandbox_bot import keyboard

OLD, NEW = "\n\n".join(contract()).encode(), "\n\n".join(contract(changed=True)).encode()
PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(64)


@pytest.fixture
async def bot(database_url: str, database: Database, tmp_path: Path) -> AsyncIterator[AnalysisBot]:
    script = ScriptedOllama(reader(PLANTED, invented=[INVENTED]))
    async with opened_analysis_bot(database_url, database, tmp_path, script) as opened:
        yield opened
    await sound(database)


async def test_two_contracts_are_compared_and_the_reports_come_as_files(bot: AnalysisBot, database: Database) -> None:
    await bot.meet()
    await bot.says("/settings")
    await bot.send_pending()
    assert await bot.press("settings:format:pdf:off") == say("en", "settings.last_format")
    for change in ("format:md:on", "format:docx:on", "format:pdf:off", "report:ru"):
        await bot.press(f"settings:{change}")
        await bot.send_pending()
    assert (await bot.texts())[-1].splitlines()[-2:] == ["Reports as: DOCX, Markdown", "Language of reports: Русский"]

    await bot.says("/analyze")
    await bot.send_pending()
    assert "Send me two or more documents as files" in (await bot.panel())["text"]
    await bot.sends("old contract.txt", OLD)
    await bot.sends("new contract.txt", NEW)
    await bot.sends("seal.pdf", PICTURE)
    await bot.sends("copy.txt", OLD)
    await bot.send_pending()
    assert "1. old contract.txt — on its way\n2. new contract.txt — on its way" in (await bot.panel())["text"]
    assert len(await bot.jobs("fetch_chat_documents")) == 1
    await bot.work(most=1)
    shown = (await bot.panel())["text"]
    assert "1. old contract.txt — received, being read" in shown
    assert f"4. copy.txt — {say('en', 'failed.same_document')}" in shown
    assert f"3. seal.pdf — {say('en', 'failed.document_type_unknown')}" in shown
    await bot.work()
    assert "2. new contract.txt — read, pages: " in (await bot.panel())["text"]
    owner = f"telegram:{bot.user}"
    assert await value(database, "SELECT count(*) FROM documents WHERE owner = :owner", owner=owner) == 2

    for name in ("missing_parts", "risks"):
        await bot.press(f"on:{name}")
        await bot.send_pending()
    await bot.says("Which fees changed?")
    await bot.send_pending()
    shown = (await bot.panel())["text"]
    assert "Looked for: differences, missing parts, risks\nQuestion: Which fees changed?" in shown
    assert keyboard(await bot.panel())[-2][0]["text"] == "Compare · 20 💎"
    assert await bot.press("compare") == ""
    await bot.send_pending()
    assert keyboard(await bot.panel()) == []
    assert (await bot.panel())["text"].endswith(say("en", "analysis.compared"))
    assert (await bot.texts())[-1] == say("en", "analysis.progress_waiting")
    assert await balance(database, WALLET, user=bot.user) == 30

    await bot.work(most=3)
    told = (await bot.messages())[-1]
    parts = len(await bot.jobs("analyse_part"))
    assert told["text"] in [say("en", "analysis.progress_part", number=number, of=parts) for number in (1, 2, 3)]
    assert keyboard(told)[0][0]["callback_data"].startswith("stop_analysis:")
    await bot.work()
    assert say("en", "analysis.progress_report") not in await bot.texts(), "its message goes with the end"
    result = (await bot.texts())[-1]
    assert result.splitlines()[0] == "Compared: old contract.txt, new contract.txt"
    assert "Findings: 4 (high severity: 3, medium: 1, low: 0)" in result
    assert f"stand in none of the documents: {parts}" in result
    sent = await bot.files()
    assert [each["file_name"].rpartition(".")[2] for each in sent] == ["docx", "md"]
    report = (await bot.content(sent[1])).decode()
    assert "The fee for matter 9 is 1509 euros a month." in report
    assert "Важность" in report, "in the language that was chosen for reports"
    [job] = await bot.jobs("run_ollama_analysis")
    assert (job.status, job.owner, job.error) == ("completed", owner, None)


async def test_what_goes_wrong_is_said_in_its_place_and_costs_nothing(bot: AnalysisBot, database: Database) -> None:
    await bot.meet("ru")
    await bot.sends("старый.txt", OLD, "/analyze Что изменилось?")
    await bot.sends("новый.txt", NEW)
    [fetching] = await bot.jobs("fetch_chat_documents")
    await bot.control("POST", "faults", kind="server_error", method="getFile", times=2)
    await bot.work(most=1)
    assert "1. старый.txt — загружается" in (await bot.panel())["text"], "another try is due"
    # the last of its tries, in which one of both comes
    await execute(database, f"UPDATE jobs SET failures = {fetch_chat_documents.ATTEMPTS - 1}")
    await bot.control("POST", "faults", kind="server_error", method="getFile", times=1)
    await lifecycle.run_job(bot.resources, fetching.id)
    await bot.work()
    shown = (await bot.panel())["text"]
    assert f"1. старый.txt — {say('ru', 'failed.chat_file_unreachable')}" in shown
    assert "2. новый.txt — прочитан" in shown
    assert "Вопрос: Что изменилось?" in shown
    assert not any("compare" in each["callback_data"] for row in keyboard(await bot.panel()) for each in row)
    await bot.sends("старый.txt", OLD)
    await bot.work()
    assert "3. старый.txt — прочитан" in (await bot.panel())["text"]

    bot.ollama.models = {"another"}
    await bot.press("compare")
    await bot.work()
    [job] = await bot.jobs("run_ollama_analysis")
    assert job.status == "failed"
    assert (await bot.texts())[-1] == f"{say('ru', 'failed.llm_model_missing')} {say('ru', 'refunded', sum='20 💎')}"
    assert await balance(database, WALLET, user=bot.user) == 50
    assert say("ru", "analysis.progress_waiting") not in await bot.texts()


async def test_a_comparison_is_stopped_while_its_parts_wait(bot: AnalysisBot, database: Database) -> None:
    await bot.meet()
    await bot.sends("old.txt", OLD, "/analyze")
    await bot.sends("new.txt", NEW)
    await bot.work()
    await bot.press("compare")
    await bot.work(most=2)
    await bot.press("stop_analysis:")
    await bot.work()
    assert {each.status for each in await bot.jobs("run_ollama_analysis")} == {"cancelled"}
    assert (await bot.texts())[-1] == f"{say('en', 'cancelled')} {say('en', 'refunded', sum='20 💎')}"
    assert await balance(database, WALLET, user=bot.user) == 50
    assert await rows(database, "SELECT 1 FROM jobs WHERE status IN ('pending', 'processing')") == []


async def test_a_run_that_is_cut_off_fetches_nothing_again_and_what_comes_late_is_not_left_behind(
    bot: AnalysisBot, database: Database
) -> None:
    await bot.meet()
    await bot.sends("old.txt", OLD, "/analyze")
    [waiting] = await bot.jobs("fetch_chat_documents")
    given = fetch_chat_documents.Input.model_validate(waiting.input, strict=False)

    async def claimed() -> Run[fetch_chat_documents.Input]:
        async with database.statement() as connection:
            job = await job_rows.claim(connection, waiting.id, uuid4(), untold=True)
        assert job is not None
        return Run(job, given, database, ProgressReport(), Seat())

    # its end is never written down
    await fetch_chat_documents.run(await claimed(), bot.resources)
    again = await claimed()
    outcome = await fetch_chat_documents.run(again, bot.resources)
    assert len(await bot.calls("getFile")) == 1
    assert len(await bot.jobs("extract_document")) == 1
    # after its last look, and before its end
    await bot.sends("new.txt", NEW)
    assert len(await bot.jobs("fetch_chat_documents")) == 1, "the door counts on the one that runs"
    await endings.complete(bot.resources, again.job, outcome)
    late = (await bot.jobs("fetch_chat_documents"))[-1]
    assert (late.status, late.id != waiting.id) == ("pending", True)
    await bot.work()
    assert "2. new.txt — read" in (await bot.panel())["text"]
    assert len(await bot.calls("getFile")) == 2
    # larger than it said, or than anybody said: Telegram's own refusal
    await bot.sends("huge.txt", b"x" * (20 * 1024 * 1024 + 1))
    await execute(database, "UPDATE chat_analysis_files SET error = NULL WHERE file_name = 'huge.txt'")
    await bot.sends("third.txt", OLD + NEW)
    await bot.work()
    assert f"3. huge.txt — {say('en', 'failed.chat_file_too_large')}" in (await bot.panel())["text"]
    assert "4. third.txt — read" in (await bot.panel())["text"]
