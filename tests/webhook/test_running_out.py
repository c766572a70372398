"""A person runs out: the job is not begun, they are told, nothing is taken; what fails costs nothing."""

from collections.abc import AsyncIterator
from uuid import uuid4

import httpx
import pytest

from jobs import endings, lifecycle
from jobs.companion.wallet.accounts import Wallet
from jobs.companion.wallet.prices import Price
from jobs.db.session import Database
from jobs.db.work import jobs as job_rows
from jobs.resources import Resources
from sandbox.llm.scripted import ScriptedLlm
from sandbox.serve import serving
from tests.factories import USER, Door, all_jobs, chat_texts, value, webhook_app, worker
from tests.jobs.companion.purses import balance, economy, entries, sound

WALLET = Wallet(economy(diamonds_start=15, energy_max=2, energy_refill_seconds=3600))


@pytest.fixture
def llm() -> ScriptedLlm:
    return ScriptedLlm()


@pytest.fixture
async def resources(database: Database, llm: ScriptedLlm) -> AsyncIterator[Resources]:
    async with serving(llm.app) as url, worker(database, llm=url) as opened:
        opened.intake.wallet = WALLET
        yield opened
    await sound(database)


@pytest.fixture
async def door(database_url: str) -> AsyncIterator[Door]:
    app = webhook_app(database_url)
    app.state.updates.intake.wallet = app.state.updates.dispatch.dispatcher["wallet"] = WALLET
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://door") as http:
        yield Door(http)
    await app.state.database.aclose()


async def run_open(database: Database, resources: Resources) -> None:
    for job in await all_jobs(database):
        if job.status == "pending":
            await lifecycle.run_job(resources, job.id)


async def test_out_of_energy(door: Door, resources: Resources, database: Database) -> None:
    for words in ("One", "Two", "Three"):
        await door.says(words)
        await run_open(database, resources)
    assert len(await all_jobs(database)) == 2
    assert (await chat_texts(database))[-1].startswith("This costs 1 ⚡, and you have 0 ⚡: 1 ⚡ more is needed.")
    assert await value(database, "SELECT reply_job_id FROM dialogs") is None, "the next message is answered"
    assert await value(database, "SELECT count(*) FROM chat_messages WHERE role = 'user'") == 3


async def test_out_of_energy_for_what_was_written_meanwhile(
    door: Door, resources: Resources, database: Database
) -> None:
    await door.says("One")
    await door.says("Two")
    [first] = await all_jobs(database)
    async with database.transaction() as connection:
        await WALLET.charge(connection, USER, uuid4(), Price("energy", 1, "reply"))
    await lifecycle.run_job(resources, first.id)
    await run_open(database, resources)
    done = await all_jobs(database)
    assert [job.status for job in done] == ["completed"], "the answer is not lost with what could not follow"
    assert await value(database, "SELECT reply_job_id FROM dialogs") is None


async def test_out_of_diamonds(door: Door, database: Database) -> None:
    for _ in range(2):
        await door.says("/generate a red fox")
    assert len(await all_jobs(database)) == 1
    assert (await chat_texts(database))[-1].startswith("This costs 10 💎, and you have 5 💎: 5 💎 more is needed.")


async def test_a_reply_that_failed_is_returned_and_said(door: Door, resources: Resources, database: Database) -> None:
    await door.says("One")
    [job] = await all_jobs(database)
    async with database.transaction() as connection:
        held = await job_rows.claim(connection, job.id, uuid4())
    assert held is not None
    for _ in range(2):
        await endings.end(resources, held, "failed", {"code": "x", "detail": "x"})
    assert await entries(database, "energy") == [("charge", -1, 1), ("refund", 1, 2)]
    assert (await chat_texts(database))[-1].endswith("Returned to you: 1 ⚡.")
    assert await balance(database, WALLET, "energy") == 2
