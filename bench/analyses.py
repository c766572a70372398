"""Does a worker grow with the documents that it compares? A hundred analyses by one process, with their reports."""

import asyncio
import time
from pathlib import Path
from uuid import uuid4

import psycopg

from bench.children import Child, Failed, running
from bench.figures import Figure
from bench.ground import TEMPLATE, Ground
from bench.ours import open_intake, worker
from jobs.db.analyses import comparisons, documents
from jobs.db.session import Database
from jobs.kinds.contract import NewJob
from jobs.settings import DatabaseSettings
from sandbox.documents import samples
from sandbox.llm.reading import Planted, reader
from sandbox.ollama import ScriptedOllama
from sandbox.serve import serving

TITLE = "analyses: the memory of a worker that compares documents, one after the other"
OWNER = "account:bench"
MANY, QUICK = 100, 60
# until then it loads what it needs, and what it keeps for the next ones
WARM = 20
WINDOW = 8192
REPORTS = ["pdf"]
# pages that the allocator keeps differ from run to run by this much
MOST_GROWTH = 4 * 1024 * 1024
PATIENCE = 600.0
LOOK_SECONDS = 0.1
ENDED = "SELECT count(*) FROM comparisons c JOIN jobs j ON j.id = c.job_id WHERE j.status = 'completed'"
BROKEN = "SELECT count(*) FROM jobs WHERE parent_id IS NULL AND (status = 'failed' OR partial)"
PARTS = "SELECT count(*) FROM jobs WHERE kind = 'analyse_part'"


async def measure(ground: Ground) -> list[Figure]:
    many = QUICK if ground.quick else MANY
    sample = samples.sample("maintenance_en")
    planted = [Planted(((1, each.old), (2, each.new))) for each in sample.differences if each.kind == "changed"]
    async with serving(ScriptedOllama(reader(planted)).app) as ollama:
        with ground.database(TEMPLATE) as url:
            await _ask(url, sample, many)
            changes = {"OLLAMA_URL": ollama, "OLLAMA_CONTEXT_TOKENS": str(WINDOW)}
            command = worker("analysis", "--concurrency=1")
            environment = {**ground.environment(url), **changes}
            with (
                psycopg.connect(url, autocommit=True) as connection,
                running("analysis-worker", command, environment=environment, folder=ground.folder) as child,
            ):
                await _until(connection, child, WARM)
                sizes, began = [_resident(child)], time.monotonic()
                for ended in range(2 * WARM, many + 1, WARM):
                    await _until(connection, child, ended)
                    sizes.append(_resident(child))
                took = time.monotonic() - began
                parts = _number(connection, PARTS) // many
    how = (
        f"{many} comparisons of two contracts of four pages, {parts} parts each, a scripted model that answers at once,"
        f" a PDF report each; resident memory after each {WARM} of them, by the kernel's word"
    )
    grown = sizes[-1] - sizes[1]
    return [
        Figure(f"memory after each {WARM} analyses", ", ".join(map(_megabytes, sizes)), how),
        Figure(
            f"  growth from the {2 * WARM}th to the last",
            _megabytes(grown),
            "",
            f"≤ {_megabytes(MOST_GROWTH)}",
            grown <= MOST_GROWTH,
        ),
        Figure("time for one, without the model's own", f"{took / (many - WARM):.2f} s"),
    ]


async def _ask(url: str, sample: samples.Sample, many: int) -> None:
    database, intake = Database(DatabaseSettings(database_url=url)), open_intake()
    asked = {"question": "", "model": "", "language": sample.language, "report_formats": REPORTS}
    try:
        async with database.transaction() as connection:
            ids = [uuid4(), uuid4()]
            for document_id, source in zip(ids, (sample.old, sample.new), strict=True):
                await documents.insert(connection, document_id, OWNER, "contract.md", "md", 1, document_id.hex)
                await documents.complete(connection, document_id, samples.pages(source))
            for _ in range(many):
                comparison_id = uuid4()
                await comparisons.insert(
                    connection, comparison_id, OWNER, ids, title=sample.title, looks_for=["differences"], **asked
                )
                new = NewJob("run_ollama_analysis", {"comparison_id": str(comparison_id)}, OWNER)
                await comparisons.set_job(connection, comparison_id, (await intake.submit(connection, new)).id)
    finally:
        await database.aclose()


async def _until(connection: "psycopg.Connection[tuple[int, ...]]", child: Child, many: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while (ended := _number(connection, ENDED)) < many:
        child.require_alive()
        if _number(connection, BROKEN):
            raise Failed("An analysis failed, or is partial: a figure of it would say nothing.")
        if time.monotonic() > deadline:
            raise Failed(f"Only {ended} of {many} analyses ended within {PATIENCE:.0f} s.")
        await asyncio.sleep(LOOK_SECONDS)


def _resident(child: Child) -> int:
    """Bytes, now."""
    status = Path(f"/proc/{child.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) * 1024


def _number(connection: "psycopg.Connection[tuple[int, ...]]", query: str) -> int:
    row = connection.execute(query.encode()).fetchone()
    assert row is not None, "an aggregate has a row"
    return int(row[0])


def _megabytes(size: int) -> str:
    return f"{size / 1024 / 1024:.1f} MB"
