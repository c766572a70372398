"""A real small language model behind Ollama's wire reads the real samples: the pipeline holds, whatever it finds."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from jobs.analysis.typography import bare
from jobs.db.session import Database
from sandbox.documents import samples
from sandbox.llm.answers import Answer, Usage
from sandbox.llm.real import ALIAS
from sandbox.ollama import ScriptedOllama
from tests.jobs.analysis.comparing import desk, document
from tests.jobs.providers.test_structured_real import url as real_url  # noqa: F401 - a fixture

pytestmark = pytest.mark.slow

WINDOW = 4096
# about a paragraph of each: such a model writes a few words a second
SHOWN = 900


@pytest.fixture
def behind_the_wire(real_url: str) -> Iterator[ScriptedOllama]:  # noqa: F811 - the fixture above
    """What Ollama does: the messages and the grammar go to llama.cpp, its answer comes back."""
    with httpx.Client(base_url=real_url, trust_env=False, timeout=600) as client:

        def answer(body: dict[str, Any]) -> Answer:
            asked = {
                "model": ALIAS, "messages": body["messages"], "temperature": 0,
                "max_tokens": body["options"]["num_predict"],
                "response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": body["format"]}},
            }  # fmt: skip
            said = client.post("/v1/chat/completions", json=asked).raise_for_status().json()
            [choice], used = said["choices"], said["usage"]
            return Answer(
                choice["message"]["content"], choice["finish_reason"],
                Usage(used["prompt_tokens"], used["completion_tokens"]),
            )  # fmt: skip

        yield ScriptedOllama(answer, trained_context=WINDOW)


async def test_a_small_model_goes_through_to_the_end(database: Database, behind_the_wire: ScriptedOllama) -> None:
    sample = samples.sample("maintenance_en")
    old, new = [samples.pages(source)[0][:SHOWN] for source in (sample.old, sample.new)]
    async with desk(database, behind_the_wire, window=WINDOW) as it:
        it.resources.models["ANALYSIS_LLM"].timeout = 600  # type: ignore[attr-defined] # of every model over HTTP
        ids = [await document(database, [old]), await document(database, [new])]
        job = await it.ask(ids, looks_for=["differences"])
        await it.garden.run_off(at_once=1)
        done = await it.garden.look(job)
        comparison, findings = await it.look(job)
    ended = (done.status, (done.error or {}).get("code"))
    # it may write on and on, and then the analysis says so; it may not do anything else
    assert ended in {("completed", None), ("failed", "llm_truncated"), ("failed", "llm_invalid_output")}
    assert done.usage["completion_tokens"] > 0
    texts = {str(document_id): bare(text)[0] for document_id, text in zip(ids, (old, new), strict=True)}
    for each in findings:
        assert each.quotations
        assert all(bare(one["text"])[0] in texts[one["document_id"]] for one in each.quotations), each
    # for whoever wants to know what it is worth (pytest -s)
    print(f"\n{ended}, dropped {comparison.dropped}, {len(findings)} findings:", [each.title for each in findings])
