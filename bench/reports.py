"""How soon after the findings are written down is there a report of them? In each format, by a real worker."""

import asyncio
import time
from datetime import timedelta
from uuid import UUID, uuid4

from sqlalchemy import text

from bench.children import Failed, running
from bench.figures import Figure, median, spread
from bench.ground import TEMPLATE, Ground
from bench.ours import open_intake, worker
from jobs.db.analyses import comparisons, documents
from jobs.db.analyses.comparisons import Finding, Found
from jobs.db.session import Database
from jobs.kinds.contract import NewJob
from jobs.reports.formats import FORMATS
from jobs.settings import DatabaseSettings
from jobs.submit import Intake

TITLE = "reports: from the findings to the stored file, for each format"
OWNER = "account:bench"
USUAL, LARGE = 20, 300
TIMES, TIMES_QUICK = 20, 5
# a person who looks at the page sees the report appear with the end of the analysis
LIMIT = 1.0
PATIENCE = 60.0
WORDS = "The supplier delivers within 45 days of the order; the customer pays within 30 days. Поставка — 45 дней. "
TOOK = text("SELECT finished_at - created_at FROM jobs WHERE id = :id AND status = 'completed'")


async def measure(ground: Ground) -> list[Figure]:
    times = TIMES_QUICK if ground.quick else TIMES
    with ground.database(TEMPLATE) as url:
        database, intake = Database(DatabaseSettings(database_url=url)), open_intake()
        command, environment = worker("analysis", "--concurrency=1"), ground.environment(url)
        try:
            with running("analysis-worker", command, environment=environment, folder=ground.folder):
                usual, large = [await _compared(database, count) for count in (USUAL, LARGE)]
                # the first of each format loads its library
                first = {fmt: await _made(database, intake, usual, fmt) for fmt in FORMATS}
                found = [await _figures(database, intake, usual, fmt, times, first[fmt]) for fmt in FORMATS]
                found += [[await _large(database, intake, large, fmt)] for fmt in FORMATS]
        finally:
            await database.aclose()
    return [figure for figures in found for figure in figures]


async def _figures(
    database: Database, intake: Intake, comparison_id: UUID, fmt: str, times: int, first: float
) -> list[Figure]:
    took = [await _made(database, intake, comparison_id, fmt) for _ in range(times)]
    how = (
        f"{USUAL} findings with two quotations each; from the commit that asks for the report to the commit that"
        f" names its file, by the database's clock, {times} times; the first one loads the library: {first:.2f} s"
    )
    return [Figure(f"{FORMATS[fmt].name}", spread(took), how, f"p50 ≤ {LIMIT:.0f} s", median(took) <= LIMIT)]


async def _large(database: Database, intake: Intake, comparison_id: UUID, fmt: str) -> Figure:
    return Figure(
        f"  {FORMATS[fmt].name}, {LARGE} findings", f"{await _made(database, intake, comparison_id, fmt):.2f} s"
    )


async def _made(database: Database, intake: Intake, comparison_id: UUID, fmt: str) -> float:
    """Seconds."""
    new = NewJob("make_report", {"comparison_id": str(comparison_id), "formats": [fmt]}, OWNER)
    async with database.transaction() as connection:
        await intake.submit(connection, new)
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        async with database.statement() as connection:
            took: timedelta | None = (await connection.execute(TOOK, {"id": new.id})).scalar()
        if took is not None:
            return took.total_seconds()
        await asyncio.sleep(0.02)
    raise Failed(f"A report in the format {fmt} was not made within {PATIENCE:.0f} s.")


async def _compared(database: Database, count: int) -> UUID:
    comparison_id, ids = uuid4(), [uuid4(), uuid4()]
    asked = {"looks_for": ["differences"], "question": "", "model": "m", "language": "en", "report_formats": []}
    async with database.transaction() as connection:
        for each in ids:
            await documents.insert(connection, each, OWNER, "contract.pdf", "pdf", 1, each.hex)
            await documents.complete(connection, each, [WORDS] * 10)
        await comparisons.insert(connection, comparison_id, OWNER, ids, title="Contracts", **asked)
        findings = [_finding(number, ids) for number in range(1, count + 1)]
        await comparisons.finish(connection, comparison_id, Found(findings, WORDS * 3, 1, [], "m"))
    return comparison_id


def _finding(number: int, ids: list[UUID]) -> Finding:
    quotations = [{"document_id": str(each), "page": 1 + number % 10, "text": WORDS} for each in ids]
    return Finding(number, "difference", "medium", f"The term of delivery, {number}", WORDS * 2, quotations)
