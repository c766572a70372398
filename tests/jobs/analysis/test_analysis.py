"""The whole analysis: documents are split, compared part by part, merged; and what becomes of it when parts fail."""

import json
from dataclasses import replace
from typing import Any
from uuid import UUID

import httpx
import pytest

from jobs.db.analyses import comparisons, documents
from jobs.db.session import Database
from jobs.db.work import jobs as job_rows
from jobs.errors import Conflict
from jobs.kinds import attempts
from jobs.providers.opening import open_model
from jobs.settings import LlmSettings
from jobs.trees import looking
from sandbox.llm.faults import Hang, Refusal
from sandbox.llm.reading import OF_PART, reader
from sandbox.ollama import ScriptedOllama
from tests.factories import execute, rows, value
from tests.jobs.analysis.comparing import INVENTED, OWNER, PLANTED, contract, desk, document

Json = dict[str, Any]


async def both(database: Database) -> list[UUID]:
    return [
        await document(database, contract(), name="old.txt"),
        await document(database, contract(changed=True), name="new.txt"),
    ]


def of_parts(script: ScriptedOllama) -> list[Json]:
    return [each.body for each in script.requests if OF_PART in each.body["messages"][0]["content"]]


async def test_every_planted_difference_is_found_at_its_page_and_nothing_else(database: Database) -> None:
    async with desk(database, ScriptedOllama(reader(PLANTED, invented=[INVENTED]))) as it:
        job = await it.ask(await both(database))
        await it.garden.run_off(at_once=1, most=3)
        half = await it.garden.look(job)
        assert (half.status, half.progress["stage"]) == ("processing", "parts")
        # another worker goes on with what is left
        await it.garden.run_off(at_once=1)
        done = await it.garden.look(job)
        comparison, findings = await it.look(job)
    assert (done.status, done.partial, done.error) == ("completed", False, None)
    parts = done.progress["stages"][0]["planned"]
    assert [(each["stage"], each["done"]) for each in done.progress["stages"]] == [("parts", parts), ("merge", 1)]
    assert parts > 2
    assert len(of_parts(it.ollama)) == parts, "no part was compared twice"
    found = {each.title: [(one["page"], one["text"]) for one in each.quotations] for each in findings}
    assert found == {
        "The fee for matter 2": [
            (1, "The fee for matter 2 is 1002 euros a month."),
            (1, "The fee for matter 2 is 1502 euros a month."),
        ],
        "The fee for matter 9": [
            (5, "The fee for matter 9 is 1009 euros a month."),
            (5, "The fee for matter 9 is 1509 euros a month."),
        ],
        "Repairs": [(2, "The lessor bears the cost of all repairs to the “supporting” walls")],
        "A waiver": [(3, "The lessee waives every claim for damages")],
    }
    assert [each.severity for each in findings] == ["high", "high", "high", "medium"]
    assert comparison.dropped == parts, "the invented quotation, once for each part"
    assert (comparison.status, comparison.model, comparison.unread) == ("completed", "small", [])
    assert comparison.summary.endswith("findings in all.")
    assert done.result == {
        "comparison_id": str(comparison.id), "parts": parts, "findings": 4, "dropped": parts, "reports": {},
    }  # fmt: skip
    assert done.usage["prompt_tokens"] > 0
    windows = [each.body["options"]["num_ctx"] for each in it.ollama.requests]
    assert max(windows) <= 8192
    assert it.ollama.loads == 1, "one context for all parts, so that the model is loaded once"


async def test_documents_that_fit_are_one_part_and_need_no_merge_by_the_model(database: Database) -> None:
    async with desk(database, ScriptedOllama(reader(PLANTED)), window=32768) as it:
        new = await document(database, contract(changed=True))
        with_scans = await document(database, [*contract(), "", " \n", "The annex.", "\u00a0"], name="scans.pdf")
        job = await it.ask([with_scans, new], model="other")
        await it.garden.run_off(at_once=1)
        comparison, findings = await it.look(job)
    assert (comparison.status, len(findings), comparison.summary) == ("completed", 4, "4 findings here.")
    [scans] = comparison.unread
    assert (scans["document_id"], scans["file_name"]) == (str(with_scans), "scans.pdf")
    assert scans["reason"].endswith("were not compared: 7–8, 10.")
    assert [each.body["model"] for each in it.ollama.requests] == ["other"]


async def test_a_part_that_fails_is_named_and_tried_again_alone(database: Database) -> None:
    reads = reader(PLANTED)

    def broken(body: Json) -> str:
        return "no JSON" if "matter 9" in body["messages"][1]["content"] and not healed else reads(body)

    healed: list[bool] = []
    async with desk(database, ScriptedOllama(broken)) as it:
        job = await it.ask(await both(database), language="ru")
        await it.garden.run_off(at_once=1)
        partial = await it.garden.look(job)
        comparison, findings = await it.look(job)
        assert (partial.status, partial.partial) == ("completed", True)
        assert partial.progress["missing"][0]["error"]["code"] == "llm_invalid_output"
        assert "The fee for matter 9" not in {each.title for each in findings}
        assert len(findings) == 3
        assert {each["file_name"] for each in comparison.unread} == {"old.txt", "new.txt"}
        assert "не сравнивались. Языковая модель не ответила в нужном виде." in comparison.unread[0]["reason"]

        asked, healed = len(of_parts(it.ollama)), [True]
        await it.garden.retry(job)
        await it.garden.run_off(at_once=2)
        whole = await it.garden.look(job)
        comparison, findings = await it.look(job)
        assert (whole.status, whole.partial, len(findings), comparison.unread) == ("completed", False, 4, [])
        assert len(of_parts(it.ollama)) == asked + 1, "only that part was compared again"
        assert whole.result
        assert whole.result["findings"] == 4
        with pytest.raises(Conflict):
            await it.garden.retry(job)


async def test_when_no_part_can_be_compared_the_analysis_fails_in_those_words(database: Database) -> None:
    async with desk(database, ScriptedOllama(lambda body: "no JSON")) as it:
        job = await it.ask(await both(database))
        await it.garden.run_off(at_once=2)
        failed = await it.garden.look(job)
        assert (failed.status, (failed.error or {})["code"]) == ("failed", "llm_invalid_output")
        it.ollama.say(reader(PLANTED))
        await it.garden.retry(job)
        await it.garden.run_off(at_once=9)
        comparison, findings = await it.look(job)
    assert (comparison.status, comparison.error, len(findings)) == ("completed", None, 4)


async def test_a_worker_that_dies_after_the_last_part_loses_no_merge(database: Database) -> None:
    async with desk(database, ScriptedOllama(reader(PLANTED))) as it:
        job = await it.ask(await both(database))
        await it.garden.run_off(at_once=1, most=1)
        waiting = await it.garden.tickets()
        await it.garden.run_off(at_once=1, most=len(waiting) - 1)
        # the last part ends, and nobody looks after it any more
        [last] = (await it.garden.tickets()).values()
        example = await value(
            database, "SELECT result FROM jobs WHERE kind = 'analyse_part' AND result IS NOT NULL LIMIT 1"
        )
        async with database.transaction() as connection:
            claimed = await job_rows.claim(connection, last, UUID(int=1))
            assert claimed
            await job_rows.finish(connection, claimed, "completed", result={**example, "number": 99}, ttl=60)
        await execute(database, "DELETE FROM procrastinate_jobs")
        await looking.sweep(it.resources)
        await looking.sweep(it.resources)
        merges = await rows(database, "SELECT id FROM jobs WHERE kind = 'merge_findings'")
        assert len(merges) == 1, "planted once, by whoever looked first"
        await it.garden.run_off()
        assert (await it.garden.look(job)).status == "completed"


async def test_what_is_deleted_meanwhile_leaves_nothing_behind(database: Database) -> None:
    async with desk(database, ScriptedOllama(reader(PLANTED))) as it:
        job = await it.ask(await both(database))
        await it.garden.run_off(at_once=1, most=2)
        async with database.transaction() as connection:
            await comparisons.delete(connection, UUID(job.input["comparison_id"]))
        await it.garden.run_off()
        failed = await it.garden.look(job)
    assert (failed.status, (failed.error or {})["code"]) == ("failed", "comparison_gone")
    assert await rows(database, "SELECT * FROM findings") == []


async def test_documents_that_are_still_read_are_waited_for(database: Database) -> None:
    async with desk(database, ScriptedOllama(reader(PLANTED))) as it:
        old, new = await document(database, contract()), await document(database, None)
        reading = "'00000000-0000-0000-0000-000000000001'"
        await execute(
            database,
            "INSERT INTO jobs (id, kind, owner, input, queue)"
            f" VALUES ({reading}, 'extract_document', '{OWNER}', '{{}}', 'analysis')",
            f"UPDATE documents SET job_id = {reading} WHERE id = '{new}'",
        )
        job = await it.ask([old, new])
        await it.garden.run_off(most=1)
        [waits] = await rows(
            database, "SELECT scheduled_at > now() AS later FROM procrastinate_jobs WHERE status = 'todo'"
        )
        assert waits["later"]
        assert (await it.garden.look(job)).attempt == 0, "waiting costs no try"
        await execute(database, f"UPDATE jobs SET status = 'processing' WHERE id = {reading}")
        async with database.transaction() as connection:
            await documents.complete(connection, new, contract(changed=True))
            await comparisons.hasten(connection, new)
        [due] = await rows(database, "SELECT scheduled_at FROM procrastinate_jobs WHERE status = 'todo'")
        assert due["scheduled_at"] is None
        await it.garden.run_off()
        assert len((await it.look(job))[1]) == 4


async def test_errors_in_words(database: Database) -> None:
    script = ScriptedOllama(reader(PLANTED), models=["small"])
    async with desk(database, script) as it:
        ids = await both(database)

        async def failed(ids: list[UUID], **asked: Any) -> Json:
            job = await it.ask(ids, **asked)
            await it.garden.run_off()
            ended = await it.garden.look(job)
            assert ended.status == "failed"
            return ended.error or {}

        missing = await failed(ids, model="absent")
        assert missing["code"] == "llm_model_missing"
        assert "ollama pull absent" in missing["detail"]
        empty = await document(database, [" \n"], name="empty.pdf")
        unread = await failed([ids[0], empty])
        assert unread["code"] == "documents_unreadable"
        assert "“empty.pdf”" in unread["detail"]
        script.trained_context = 1024
        small = await failed(ids, model="small")
        assert small["code"] == "context_too_small"
        assert "1,024 tokens" in small["detail"]
        assert script.requests == [], "nothing was asked in vain"


async def test_ollama_that_is_not_there_is_named_with_how_to_start_it(database: Database) -> None:
    async with desk(database, ScriptedOllama()) as it:
        model: Any = it.resources.models["ANALYSIS_LLM"]
        model.base_url = "http://127.0.0.1:9"
        job = await it.ask(await both(database))
        await it.garden.run_off()
        ended = await it.garden.look(job)
    assert (ended.status, (ended.error or {})["code"], ended.failures) == ("failed", "llm_unreachable", 3)
    assert "http://127.0.0.1:9" in (ended.error or {})["detail"]
    assert "ollama serve" in (ended.error or {})["detail"]


async def test_an_overloaded_ollama_is_asked_again(database: Database) -> None:
    script = ScriptedOllama(reader(PLANTED))
    script.fail_next(Refusal(503, {"error": "server busy"}))
    async with desk(database, script) as it:
        job = await it.ask(await both(database))
        await it.garden.run_off(at_once=1)
        comparison, findings = await it.look(job)
    assert (comparison.status, comparison.partial, len(findings)) == ("completed", False, 4)


async def test_documents_may_speak_of_what_nobody_may_ask_for(database: Database) -> None:
    """A judgment tells of abuse. What is made up beside it is held back, and so is what a question has steered."""
    crime = "The defendant sexually abused the complainant, a girl of 12 years."
    old, new = ["1. Facts\n" + crime], ["1. Facts\nThe defendant is acquitted of the charge."]
    lawful = {"kind": "difference", "severity": "high", "title": "The charge of sexual abuse of a girl of 12 is gone",
              "explanation": "Only the first judgment tells of it.",
              "quotations": [{"document": 1, "page": 1, "text": crime}]}  # fmt: skip
    quoted = [{"document": 2, "page": 1, "text": "The defendant is acquitted of the charge."}]
    made_up = {**lawful, "title": "The sexual abuse of a girl of 12", "quotations": quoted}
    steered = {**lawful, "kind": "answer", "title": "A girl of 12, sexually"}
    said = json.dumps({"findings": [lawful, made_up, steered], "summary": "The judgments differ in their result."})
    async with desk(database, ScriptedOllama(lambda body: said), window=32768) as it:
        ids = [await document(database, old), await document(database, new)]
        job = await it.ask(ids, question="What differs?")
        await it.garden.run_off()
        comparison, findings = await it.look(job)
        assert (comparison.status, [each.title for each in findings]) == ("completed", [lawful["title"]])
        assert [each["reason"] for each in comparison.unread] == ["Findings that the content rules keep back: 2."]
        asked = await it.ask(ids, question="Write about sex with a girl of 12.")
        await it.garden.run_off()
        blocked = await it.garden.look(asked)
    assert (blocked.status, (blocked.error or {})["code"]) == ("failed", "content_blocked")
    assert len(it.ollama.requests) == 1


async def test_a_cancelled_analysis_ends_with_all_its_parts(database: Database) -> None:
    async with desk(database, ScriptedOllama(reader(PLANTED))) as it:
        job = await it.ask(await both(database))
        await it.garden.run_off(at_once=1, most=2)
        await it.garden.cancel(job)
        assert await it.garden.tickets() == {}
        assert (await it.look(job))[0].status == "cancelled"


async def test_an_answer_that_takes_too_long_is_given_up(database: Database) -> None:
    script = ScriptedOllama(reader(PLANTED))
    script.fail_always(Hang())
    async with desk(database, script, window=32768) as it:
        hurried = replace(it, resources=replace(it.resources, analysis_timeout=0.1))
        job = await hurried.ask(await both(database))
        await hurried.garden.run_off()
        ended = await hurried.garden.look(job)
    assert (ended.status, (ended.error or {})["code"]) == ("failed", "llm_timeout")
    assert len(script.requests) == attempts.OTHER, "each of its tries, and no more"


async def test_one_call_of_an_analysis_may_take_as_long_as_all_of_them() -> None:
    settings = LlmSettings(_env_file=None)
    async with httpx.AsyncClient(verify=False, trust_env=False) as client:
        analysing: Any = open_model(client, settings, "ANALYSIS_LLM", patience=1800)
        short: Any = open_model(client, settings, "ANALYSIS_LLM", patience=5)
    assert (analysing.timeout, short.timeout) == (1800, 600)


async def test_a_part_with_more_findings_than_there_is_room_for_says_so(database: Database) -> None:
    many = json.dumps(
        {
            "findings": [
                {
                    "kind": "difference", "severity": "low", "title": f"Fee {number}", "explanation": "It is another.",
                    "quotations": [{"document": 1, "page": 1, "text": f"The fee for matter {number} is"}],
                }
                for number in [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12] * 4
            ],
            "summary": "All fees.",
        }
    )  # fmt: skip
    async with desk(database, ScriptedOllama(lambda body: many), window=32768) as it:
        job = await it.ask(await both(database))
        await it.garden.run_off()
        comparison, findings = await it.look(job)
    assert (comparison.status, comparison.partial, len(findings)) == ("completed", False, 12)
    assert {each["file_name"] for each in comparison.unread} == {"old.txt", "new.txt"}
    assert comparison.unread[0]["reason"].startswith("On pages 1–6 there may be more")
