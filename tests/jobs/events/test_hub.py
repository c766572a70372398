"""The hub against a PostgreSQL that a test may stop. Notifications are sent by hand: no table is needed for them."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import pytest

from jobs.db.session import Database
from jobs.events.hub import Bell, EventHub
from jobs.events.listener import Patience
from jobs.settings import DatabaseSettings
from sandbox import pgbouncer
from sandbox.postgres import EmbeddedPostgres
from tests import factories
from tests.faults.relay import relay_to
from tests.jobs.events.writers import OWNER, new_job, run_to_end
from tests.jobs.queue_probe import until

LONG = 20.0
HASTY = Patience(heartbeat=0.1, echo=0.5, first_pause=0.02, longest_pause=0.1)


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedPostgres]:
    """Of this file's own: it is stopped and started."""
    with tempfile.TemporaryDirectory(prefix="postgen-hub-") as folder:
        Path(folder).chmod(0o755)
        own = EmbeddedPostgres(Path(folder) / "data", durable=False)
        own.start()
        own.wanted_port = own.port
        try:
            yield own
        finally:
            own.stop()


@pytest.fixture
def pooled_url(server: EmbeddedPostgres) -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="postgen-pooler-") as folder:
        Path(folder).chmod(0o755)
        pooler = pgbouncer.PgBouncer(server, Path(folder))
        pooler.start()
        try:
            yield pooler.beside(server.url())
        finally:
            pooler.stop()


@asynccontextmanager
async def hub_of(url: str, patience: Patience | None = None) -> AsyncIterator[EventHub]:
    factories.plain_tracebacks()
    hub = EventHub(DatabaseSettings(database_url=url, _env_file=None), patience)
    try:
        yield hub
    finally:
        await hub.aclose()


async def tell(url: str, job_id: UUID, owner: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute("SELECT pg_notify('postgen_events', $1)", f"{job_id} {owner}")
    await connection.close()


async def until_heard(hub: EventHub, *, listening: bool = True) -> None:
    await until(lambda: hub.listening is listening, LONG)


async def silent(bell: Bell) -> bool:
    return not await bell.wait(0)


async def test_news_wake_who_waits_for_that_job_or_that_owner_and_nobody_else(server: EmbeddedPostgres) -> None:
    mine, other = uuid4(), uuid4()
    async with hub_of(server.url()) as hub:
        with hub.job(mine) as by_job, hub.owner(OWNER) as by_owner, hub.job(other) as strange, hub.owner("b") as b:
            await until_heard(hub)
            for bell in (by_job, by_owner, strange, b):
                await bell.wait(0)  # all were woken when the listening began
            await tell(server.url(), mine, OWNER)
            assert await by_job.wait(LONG)
            assert await by_owner.wait(LONG)
            assert await silent(strange)
            assert await silent(b)


async def test_many_rings_are_one(server: EmbeddedPostgres) -> None:
    job = uuid4()
    async with hub_of(server.url()) as hub:
        with hub.job(job) as bell, hub.job(job) as twin:
            await until_heard(hub)
            for _ in range(3):
                await tell(server.url(), job, OWNER)
            last = uuid4()
            with hub.job(last) as end:
                await tell(server.url(), last, OWNER)
                assert await end.wait(LONG)
            assert await bell.wait(0)
            assert await silent(bell)
            assert await twin.wait(0)


async def test_an_owner_with_a_very_long_name_is_woken(database: Database, database_url: str) -> None:
    owner = "\u044f" * 1500
    async with hub_of(database_url) as hub:
        with hub.owner(owner) as bell:
            await until_heard(hub)
            await bell.wait(0)
            await new_job(database, owner=owner)
            assert await bell.wait(LONG)


async def test_one_connection_however_many_wait(server: EmbeddedPostgres) -> None:
    query = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'postgen events'"
    async with hub_of(server.url()) as hub:
        for _ in range(300):
            hub.job(uuid4()).__enter__()
        await until_heard(hub)
        connection = await asyncpg.connect(server.url())
        assert await connection.fetchval(query) == 1
        await connection.close()


async def test_nobody_is_kept_in_mind_who_has_left(server: EmbeddedPostgres) -> None:
    async with hub_of(server.url()) as hub:
        with hub.job(uuid4()), hub.owner("a"):
            assert len(hub._bells) == 2
        assert hub._bells == {}


async def test_a_restarted_database_wakes_everybody_and_is_heard_again(server: EmbeddedPostgres) -> None:
    job = uuid4()
    async with hub_of(server.url(), HASTY) as hub:
        with hub.job(job) as bell:
            await until_heard(hub)
            await bell.wait(0)
            await asyncio.to_thread(server.stop)
            await until_heard(hub, listening=False)
            await asyncio.to_thread(server.start)
            assert await bell.wait(LONG), "what was notified meanwhile is lost: everybody must look"
            await until_heard(hub)
            await tell(server.url(), job, OWNER)
            assert await bell.wait(LONG)


async def test_a_server_that_is_not_there_yet_is_waited_for(server: EmbeddedPostgres) -> None:
    await asyncio.to_thread(server.stop)
    async with hub_of(server.url(), HASTY) as hub:
        hub.start()
        await asyncio.sleep(0.1)
        assert not hub.listening
        await asyncio.to_thread(server.start)
        await until_heard(hub)


async def test_a_network_gone_silent_is_noticed_by_the_echo(server: EmbeddedPostgres) -> None:
    job = uuid4()
    async with relay_to(server.url()) as (relay, url), hub_of(url, HASTY) as hub:
        with hub.job(job) as bell:
            await until_heard(hub)
            await bell.wait(0)
            relay.go_silent()
            assert await bell.wait(LONG)
            await until_heard(hub)
            await bell.wait(0)
            await tell(server.url(), job, OWNER)
            assert await bell.wait(LONG)


@pytest.mark.skipif(pgbouncer.program() is None, reason="pgbouncer is not installed: sudo apt-get install pgbouncer")
async def test_behind_a_pooler_that_forgets_who_listens_nobody_is_told_that_all_is_well(pooled_url: str) -> None:
    """It takes the LISTEN, and answers. Whoever waits looks from time to time instead."""
    async with hub_of(pooled_url, HASTY) as hub:
        with hub.job(uuid4()) as bell:
            for _ in range(3):
                assert await bell.wait(LONG)
                assert not hub.listening


async def test_who_waits_for_the_end_gets_the_ended_job(database: Database, database_url: str) -> None:
    job = await new_job(database)
    async with hub_of(database_url) as hub:
        waiting = asyncio.create_task(hub.wait_for_end(database, job.id, LONG))
        await until_somebody_waits(hub)
        await run_to_end(database, job.id)
        done = await waiting
        assert done
        assert (done.status, done.result) == ("completed", {"text": "Hello"})
        assert await hub.wait_for_end(database, job.id, LONG) == done
        assert await hub.wait_for_end(database, uuid4(), LONG) is None


async def test_who_has_waited_long_enough_gets_the_job_as_it_is(database: Database, database_url: str) -> None:
    job = await new_job(database)
    async with hub_of(database_url) as hub:
        found = await hub.wait_for_end(database, job.id, 0.05)
        assert found
        assert found.status == "pending"


async def test_a_stopping_process_makes_nobody_wait(database: Database, database_url: str) -> None:
    job = await new_job(database)
    async with hub_of(database_url) as hub:
        waiting = asyncio.create_task(hub.wait_for_end(database, job.id, 3600))
        await until_somebody_waits(hub)
        hub.drain()
        found = await waiting
        assert found
        assert found.status == "pending"


async def until_somebody_waits(hub: EventHub) -> None:
    await until(lambda: bool(hub._bells), LONG)
