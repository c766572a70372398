"""Does the queue's connector survive what databases and networks do?"""

import asyncio
import time
from typing import Any

import psycopg
import pytest
from procrastinate.exceptions import ConnectorException

from jobs.connections import Patience
from jobs.connector import QueueConnector
from jobs.errors import Misconfigured
from jobs.settings import DatabaseSettings
from tests.faults.relay import relay_to
from tests.jobs.queue_probe import rows, until

QUICK = Patience(query=0.5, pause=0.1, listen=0.2, connect=2)
HANG_UP = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND application_name = 'postgen queue'"
)


def connector_to(url: str, *, listen_url: str | None = None, pooled: bool = False) -> QueueConnector:
    settings = DatabaseSettings(database_url=url, database_listen_url=listen_url, database_pooled=pooled)
    return QueueConnector(lambda: settings, patience=QUICK)


async def test_without_an_address_it_says_which_setting_is_missing() -> None:
    with pytest.raises(Misconfigured, match="DATABASE_URL is not set") as caught:
        await QueueConnector().open_async()
    assert caught.value.__context__ is None, "the command line would print it, too"


async def test_a_database_that_does_not_answer_is_one_sentence_without_the_password() -> None:
    with pytest.raises(Misconfigured, match="PostgreSQL does not answer at DATABASE_URL") as caught:
        await connector_to("postgresql://postgres:hush-hush@127.0.0.1:1/none").open_async()
    assert "\n" not in caught.value.detail
    assert "hush" not in caught.value.detail
    assert caught.value.__context__ is None


async def test_connections_are_tuned_and_in_autocommit(database_url: str) -> None:
    connector = connector_to(database_url)
    await connector.open_async()
    [row] = await connector.run(
        "SELECT current_setting('synchronous_commit') AS durable, current_setting('enable_seqscan') AS scans,"
        " current_setting('tcp_user_timeout') AS given_up"
    )
    assert row["durable"] == "off"
    assert row["scans"] == "off"
    [first] = await connector.run("SELECT pg_current_xact_id()::text AS id")
    [second] = await connector.run("SELECT pg_current_xact_id()::text AS id")
    assert first != second
    await connector.close_async()


async def test_options_of_the_address_stand_beside_ours_and_a_pooler_gets_none(database_url: str) -> None:
    connector = connector_to(f"{database_url}?options=-c%20work_mem%3D7MB&application_name=mine")
    await connector.open_async()
    assert await connector.run("SELECT current_setting('work_mem') AS m, current_setting('enable_sort') AS s") == [
        {"m": "7MB", "s": "off"}
    ]
    assert await connector.run("SELECT current_setting('application_name') AS name") == [{"name": "mine"}]
    await connector.close_async()
    pooled = connector_to(database_url, pooled=True)
    await pooled.open_async()
    assert await pooled.run("SELECT current_setting('enable_sort') AS s") == [{"s": "on"}]
    for _ in range(8):
        await pooled.run("SELECT 1 AS one")
    assert await pooled.run("SELECT count(*) AS n FROM pg_prepared_statements") == [{"n": 0}]
    await pooled.close_async()


async def test_with_a_pooler_the_queue_takes_the_direct_way_if_there_is_one(database_url: str) -> None:
    connector = connector_to("postgresql://127.0.0.1:1/pooler", listen_url=database_url, pooled=True)
    await connector.open_async()
    assert await connector.run("SELECT current_setting('enable_sort') AS s") == [{"s": "off"}]
    await connector.close_async()


async def test_h3_a_statement_that_may_be_repeated_outlives_lost_connections(database_url: str) -> None:
    connector = connector_to(database_url)
    await connector.open_async()
    await rows(database_url, HANG_UP)
    with pytest.raises(ConnectorException):
        await connector.run("SELECT 1 AS one")
    await connector.run("SELECT 1 AS one")
    await rows(database_url, HANG_UP)
    assert await connector.insist("SELECT 1 AS one") == [{"one": 1}]
    await connector.close_async()


async def test_a_statement_that_is_refused_is_not_repeated(database_url: str) -> None:
    connector = connector_to(database_url)
    await connector.open_async()
    with pytest.raises(ConnectorException) as caught:
        await asyncio.wait_for(connector.insist("SELECT 1 FROM nowhere"), 5)
    assert isinstance(caught.value.__cause__, psycopg.errors.UndefinedTable)
    assert await connector.run("SELECT 1 AS one") == [{"one": 1}], "the connection is still good"
    assert connector.connections
    assert len(connector.connections.idle) == 1
    await connector.close_async()


async def test_one_lost_connection_makes_the_others_suspect(database_url: str) -> None:
    connector = connector_to(database_url)
    await connector.open_async()
    await asyncio.gather(*(connector.run("SELECT pg_sleep(0.05)::text AS slept") for _ in range(4)))
    await rows(database_url, HANG_UP)
    with pytest.raises(ConnectorException):
        await connector.run("SELECT 1 AS one")
    for _ in range(4):
        assert await connector.run("SELECT 1 AS one") == [{"one": 1}]
    await connector.close_async()


async def test_h11_a_query_on_a_silent_connection_is_given_up_and_the_next_one_works(database_url: str) -> None:
    async with relay_to(database_url) as (relay, url):
        connector = connector_to(url)
        await connector.open_async()
        await connector.run("SELECT 1 AS one")
        relay.go_silent()
        with pytest.raises(ConnectorException):
            await asyncio.wait_for(connector.run("SELECT 1 AS one"), 5)
        assert await asyncio.wait_for(connector.run("SELECT 1 AS one"), 5) == [{"one": 1}]
        await connector.close_async()


async def test_h11_a_wait_for_a_silent_connection_ends_at_once_when_severed(database_url: str) -> None:
    async with relay_to(database_url) as (relay, url):
        settings = DatabaseSettings(database_url=url)
        connector = QueueConnector(lambda: settings, patience=Patience())
        await connector.open_async()
        relay.go_silent()
        waiting = asyncio.create_task(connector.run("SELECT 1 AS one"))
        await asyncio.sleep(0.1)
        connector.sever()
        with pytest.raises(ConnectorException):
            await asyncio.wait_for(waiting, 2)
        await connector.close_async()


class Heard:
    def __init__(self) -> None:
        self.connections = 0
        self.payloads: list[str] = []

    async def notified(self, *, channel: str, payload: str) -> None:
        del channel
        self.payloads.append(payload)

    async def connected(self) -> None:
        self.connections += 1


async def listen(connector: QueueConnector, heard: Heard) -> "asyncio.Task[None]":
    await connector.open_async()
    task = asyncio.create_task(connector.listen(heard.notified, ["News#1"], heard.connected))
    await until(lambda: heard.connections == 1)
    return task


async def stop(task: "asyncio.Task[Any]", connector: QueueConnector) -> None:
    task.cancel()
    await asyncio.wait([task])
    await connector.close_async()


async def test_h1_listen_comes_back_and_says_that_news_may_have_been_missed(database_url: str) -> None:
    connector, heard = connector_to(database_url), Heard()
    task = await listen(connector, heard)
    await rows(database_url, "SELECT pg_notify('News#1', 'before')")
    await until(lambda: heard.payloads == ["before"])
    await rows(database_url, HANG_UP)
    await until(lambda: heard.connections == 2)
    await rows(database_url, "SELECT pg_notify('News#1', 'after')")
    await until(lambda: heard.payloads == ["before", "after"])
    await stop(task, connector)


async def test_h11_a_listen_connection_gone_silent_is_replaced(database_url: str) -> None:
    async with relay_to(database_url) as (relay, url):
        connector, heard = connector_to(database_url, listen_url=url), Heard()
        task = await listen(connector, heard)
        relay.go_silent()
        await until(lambda: heard.connections == 2)
        await rows(database_url, "SELECT pg_notify('News#1', 'after')")
        await until(lambda: heard.payloads == ["after"])
        await stop(task, connector)


async def test_at_most_a_few_connections_and_no_time_lost_when_all_are_taken(database_url: str) -> None:
    connector = connector_to(database_url)
    await connector.open_async()
    started = time.monotonic()
    await asyncio.gather(*(connector.run("SELECT pg_sleep(0.02)::text AS slept") for _ in range(20)))
    [row] = await rows(
        database_url, "SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database()"
        " AND application_name = 'postgen queue'"
    )  # fmt: skip
    assert row["n"] == 4
    assert time.monotonic() - started < 5
    await connector.close_async()
