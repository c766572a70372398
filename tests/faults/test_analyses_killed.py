"""The worker of analyses is shot: the next one asks only what was not answered, and there is one report of each."""

import asyncio
import random
import re
import subprocess
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from jobs.db.delivery import webhook_endpoints
from jobs.db.session import Database
from jobs.db.work.jobs import Job
from jobs.housekeeping import sweep_stalled
from jobs.trees import looking
from sandbox.llm.reading import reader
from sandbox.ollama import ScriptedOllama
from tests.factories import rows, value
from tests.faults.workers import Workers
from tests.jobs.analysis.comparing import OWNER, PLANTED, Desk, contract, desk, document

OPEN = "SELECT count(*) FROM jobs WHERE status IN ('pending', 'processing')"
# all that a worker commits of an analysis leaves an event
EVENTS = "SELECT count(*) FROM job_events"
DONE = (
    "SELECT root_input.model, jobs.input->>'number' AS number FROM jobs"
    " JOIN comparisons root_input ON root_input.id = CAST(jobs.input->>'comparison_id' AS uuid)"
    " WHERE jobs.status = 'completed' AND jobs.kind = 'analyse_part'"
)
# so small that there are many parts
WINDOW = "4096"
LATENCY = 0.03
Asked = tuple[str, str]


@pytest.fixture
def shot(database_url: str) -> Iterator[Workers]:
    workers = Workers(database_url)
    yield workers
    workers.kill_all()


@dataclass
class Scene:
    desk: Desk
    ollama_url: str
    workers: Workers
    media: Path
    dice: random.Random
    kills: int = 0

    @property
    def database(self) -> Database:
        return self.desk.database

    def start(self) -> "subprocess.Popen[bytes]":
        # what a dead worker holds of the limits is free again only after a while
        return self.workers.real(
            "analysis", "--concurrency=1", OLLAMA_URL=self.ollama_url, OLLAMA_CONTEXT_TOKENS=WINDOW,
            MEDIA_URL=f"file:{self.media}", MAX_CONCURRENT_LLM_REQUESTS="1000", LOG_LEVEL="ERROR",
        )  # fmt: skip

    def asked(self) -> list[Asked]:
        """Which comparison, by its model, and which part; what joins the parts has no number."""
        found = []
        for each in self.desk.ollama.requests:
            part = re.search(r"\(part (\d+) of", each.body["messages"][0]["content"])
            found.append((each.body["model"], part[1] if part else "merge"))
        return found

    async def shoot(self) -> None:
        """A worker that has begun to work dies at some moment, and is found dead; it has asked for nothing again."""
        done = {(row["model"], row["number"]) for row in await rows(self.database, DONE)}
        before = len(self.desk.ollama.requests)
        enough = await value(self.database, EVENTS) + self.dice.randrange(8)
        process = self.start()
        while await value(self.database, EVENTS) <= enough and await value(self.database, OPEN):
            assert process.poll() is None, "the worker ended by itself"
            await asyncio.sleep(0.01)
        await asyncio.sleep(self.dice.random() * 2 * LATENCY)
        self.workers.kill_all()
        self.workers.processes.clear()
        self.kills += 1
        assert done.isdisjoint(self.asked()[before:]), "a part that is done was asked again"
        await sweep_stalled(self.database, seconds=0.0)  # no other worker is alive that could be taken for dead
        # as the clock does: one that died between the end of the last step and its look at the whole has no successor
        await looking.sweep(self.desk.resources)

    async def finish(self) -> None:
        process = self.start()
        while await value(self.database, OPEN):
            assert process.poll() is None, "the worker ended by itself"
            await asyncio.sleep(0.05)


@pytest.fixture
async def at(database: Database, tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk(database, ScriptedOllama(reader(PLANTED), latency=LATENCY)) as opened:
        async with database.transaction() as connection:
            await webhook_endpoints.insert(
                connection, owner=OWNER, url="https://shop.example/hook", description="", events=["job.completed"],
                payload="full", secrets=[],
            )  # fmt: skip
        yield opened


@pytest.mark.parametrize(
    ("comparisons", "kills", "formats"),
    [(1, 1, ["md"]), pytest.param(4, 20, ["md", "pdf"], marks=[pytest.mark.slow, pytest.mark.timeout(900)])],
)
async def test_kill_9_while_documents_are_compared(
    at: Desk, shot: Workers, tmp_path: Path, comparisons: int, kills: int, formats: list[str]
) -> None:
    url: Any = at.resources.models["ANALYSIS_LLM"]
    scene = Scene(at, url.base_url, shot, tmp_path / "media", random.Random(kills))
    ids = [await document(at.database, contract(changed)) for changed in (False, True)]
    roots = [await at.ask(ids, model=f"m{number}", report_formats=formats) for number in range(comparisons)]
    for _ in range(kills):
        await scene.shoot()
    await scene.finish()

    again = Counter(scene.asked())
    # one at a time: of what a worker did, only what it was doing when it died is done once more
    assert again.total() - len(again) <= scene.kills
    for root in roots:
        await require_one_of_each(scene, root, formats)
    on_disk = [path for path in scene.media.rglob("*") if path.is_file()]
    assert len(on_disk) == comparisons * len(formats) == await value(at.database, "SELECT count(*) FROM media")


async def require_one_of_each(scene: Scene, root: Job, formats: list[str]) -> None:
    done, (comparison, findings) = await scene.desk.garden.look(root), await scene.desk.look(root)
    assert (done.status, done.partial, done.error) == ("completed", False, None)
    assert sorted(each.title for each in findings) == sorted(each.title or each.words[0][1][:60] for each in PLANTED)
    assert done.result
    assert (done.result["parts"] > 4, set(done.result["reports"])) == (True, set(formats))
    kinds = await rows(
        scene.database, "SELECT kind, count(*) AS n FROM jobs WHERE root_id = :id AND parent_id IS NOT NULL GROUP BY 1",
        id=root.id,
    )  # fmt: skip
    steps = {row["kind"]: row["n"] for row in kinds}
    assert steps == {"analyse_part": done.result["parts"], "merge_findings": 1, "make_report": len(formats)}
    reports = await rows(
        scene.database, "SELECT format, media_id FROM reports WHERE comparison_id = :id", id=comparison.id
    )
    assert {row["format"]: str(row["media_id"]) for row in reports} == {
        fmt: made["media_id"] for fmt, made in done.result["reports"].items()
    }
    told = "SELECT count(*) FROM deliveries WHERE job_id = :id AND channel = 'webhook'"
    assert await value(scene.database, told, id=root.id) == 1
