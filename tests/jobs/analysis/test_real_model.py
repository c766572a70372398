"""A real small language model behind Ollama's wire compares the real samples: the pipeline holds, whatever it finds."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace

import httpx
import pytest

from jobs.analysis.typography import bare
from jobs.db.session import Database
from jobs.providers.ollama import Ollama
from sandbox.documents import samples
from sandbox.small_model.ollama import NAME
from tests.factories import worker
from tests.jobs.analysis.comparing import Comparing, document
from tests.sandbox.running_small_model import running_small_model

pytestmark = pytest.mark.slow

WINDOW = 8192


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with running_small_model() as address:
        yield address


@asynccontextmanager
async def desk(database: Database, url: str) -> AsyncIterator[Comparing]:
    async with worker(database) as resources, httpx.AsyncClient(verify=False, trust_env=False) as client:
        model = Ollama(client, base_url=url, model=NAME, context_tokens=WINDOW, timeout=600, window_tokens=WINDOW)
        yield Comparing(replace(resources, models={"ANALYSIS_LLM": model}))


@pytest.mark.timeout(900)
@pytest.mark.parametrize("pages", [1, None], ids=["first-pages", "whole"])
async def test_a_small_model_goes_through_to_the_end(database: Database, url: str, pages: int | None) -> None:
    sample = samples.sample("maintenance_en")
    old, new = [samples.pages(source)[:pages] for source in (sample.old, sample.new)]
    async with desk(database, url) as it:
        ids = [await document(database, old), await document(database, new)]
        job = await it.ask(ids, looks_for=["differences"])
        await it.garden.run_off(at_once=1)
        done = await it.garden.look(job)
        comparison, findings = await it.look(job)
    assert (done.status, comparison.status) == ("completed", "completed"), done.error
    assert done.usage["completion_tokens"] > 0
    texts = {str(document_id): bare("\n".join(pages))[0] for document_id, pages in zip(ids, (old, new), strict=True)}
    for each in findings:
        assert each.quotations
        assert all(bare(one["text"])[0] in texts[one["document_id"]] for one in each.quotations), each
    # for whoever wants to know what it is worth (pytest -s)
    print(f"\n{done.usage}, dropped {comparison.dropped}, {len(findings)} findings:")
    for each in findings:
        print(" ", each.severity, each.title, "|", each.explanation, "|", each.quotations)
    print(comparison.summary)
