"""Two contracts with planted differences, and a worker that compares them with a scripted Ollama."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID, uuid4

import httpx

from jobs.db.analyses import comparisons, documents
from jobs.db.analyses.comparisons import Comparison, Finding
from jobs.db.session import Database
from jobs.db.work.jobs import Job
from jobs.kinds.contract import NewJob
from jobs.providers.ollama import Ollama
from jobs.resources import Resources
from sandbox.llm.reading import Planted
from sandbox.ollama import ScriptedOllama
from sandbox.serve import serving
from tests.factories import worker
from tests.jobs.growing import Garden

OWNER = "account:anna"
SECTIONS = 12
FILLER = (
    "The parties have agreed on what follows, in good faith and after they had been advised by their own counsel. "
    "Nothing in this part is meant to limit what the law does not allow to be limited. "
)


def contract(changed: bool = False) -> list[str]:
    """Twelve sections on six pages. What is changed stands in PLANTED."""
    sections = []
    for number in range(1, SECTIONS + 1):
        lines = [f"{number}. Section about matter {'ABCDEFGHIJKL'[number - 1]}", f"{number}.1. {FILLER}"]
        lines += [f"{number}.2. The fee for matter {number} is {_fee(number, changed)} euros a month."]
        lines += [f"{number}.3. {FILLER * 5}"]
        if number == 4 and not changed:
            lines += ["4.4. The lessor bears the cost of all repairs to the “supporting”\nwalls and the roof."]
        sections.append("\n".join(lines))
    if changed:
        sections.insert(5, "6. An added section\n6.1. The lessee waives every claim for damages, on whatever ground.")
    return ["\n\n".join(sections[start : start + 2]) for start in range(0, len(sections), 2)]


def _fee(number: int, changed: bool) -> int:
    return 1000 + number + (500 if changed and number in (2, 9) else 0)


FEES = [
    Planted(
        (
            (1, f"The fee for matter {number} is {1000 + number} euros a month."),
            (2, f"The fee for matter {number} is {1500 + number} euros a month."),
        ),
        severity="high",
        title=f"The fee for matter {number}",
    )
    for number in (2, 9)
]
REPAIRS = Planted(
    ((1, 'The lessor bears the cost of all repairs to the "supporting" walls'),), "missing_part", "medium", "Repairs"
)
WAIVER = Planted(((2, "The lessee waives every claim for damages"),), "risk", "high", "A waiver")
PLANTED = [*FEES, REPAIRS, WAIVER]
INVENTED = {
    "kind": "difference", "severity": "high", "title": "Made up", "explanation": "It stands nowhere.",
    "quotations": [{"document": 1, "page": 2, "text": "The fee for matter 2 is 7000 euros a month."}],
}  # fmt: skip


async def document(database: Database, pages: Sequence[str] | None, *, name: str = "", owner: str = OWNER) -> UUID:
    """One that was read; or, without pages, that waits for it."""
    document_id = uuid4()
    async with database.transaction() as connection:
        await documents.insert(connection, document_id, owner, name or f"{document_id}.txt", "txt", 10, document_id.hex)
        if pages is not None:
            await documents.complete(connection, document_id, pages)
    return document_id


@dataclass(frozen=True)
class Comparing:
    """Where comparisons are asked for and worked off."""

    resources: Resources

    @property
    def garden(self) -> Garden:
        return Garden(self.resources)

    @property
    def database(self) -> Database:
        return self.resources.database

    async def ask(self, ids: Sequence[UUID], *, owner: str = OWNER, **asked: Any) -> Job:
        given = {
            "title": "Lease", "looks_for": ["differences", "missing_parts", "risks"], "question": "", "model": "",
            "language": "en", "report_formats": [], **asked,
        }  # fmt: skip
        comparison_id = uuid4()
        async with self.database.transaction() as connection:
            await comparisons.insert(connection, comparison_id, owner, ids, **given)
            new = NewJob("run_ollama_analysis", {"comparison_id": str(comparison_id)}, owner)
            job = await self.resources.intake.submit(connection, new)
            await comparisons.set_job(connection, comparison_id, job.id)
        return job

    async def look(self, job: Job) -> tuple[Comparison, list[Finding]]:
        comparison_id = UUID(job.input["comparison_id"])
        async with self.database.transaction() as connection:
            found = await comparisons.get(connection, comparison_id, job.owner)
            findings = await comparisons.findings_of(connection, comparison_id)
        assert found is not None
        return found, findings


@dataclass(frozen=True)
class Desk(Comparing):
    ollama: ScriptedOllama


@asynccontextmanager
async def desk(database: Database, script: ScriptedOllama, *, window: int = 8192) -> AsyncIterator[Desk]:
    async with (
        serving(script.app, stop_grace=0.05) as url,
        httpx.AsyncClient(verify=False, trust_env=False) as client,
        worker(database) as resources,
    ):
        model = Ollama(client, base_url=url, model="small", context_tokens=window, timeout=10, window_tokens=window)
        yield Desk(replace(resources, models={"ANALYSIS_LLM": model}), script)
