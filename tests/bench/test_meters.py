"""The bench's own instruments: they must count and time what they say, or every figure is wrong."""

import asyncio
import json
import math
import os
import sys
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy.engine import make_url

from bench import cpu, wire
from bench.children import Failed, running, until
from bench.figures import Figure, lines, median, percentile, verdicts
from bench.ground import add_people
from bench.load import generate
from bench.relay import relaying
from bench.updates import FIRST_USER, SECRET_HEADER, WEBHOOK, update


async def test_relay_counts_each_wait_for_the_server(database_url: str) -> None:
    address = make_url(database_url)
    assert address.port is not None
    async with relaying(address.port) as relay:
        through = address.set(port=relay.port).render_as_string(hide_password=False)
        connection = await asyncpg.connect(through)
        prepared = await connection.prepare("SELECT $1::int")
        before = relay.round_trips
        async with connection.transaction():  # BEGIN and COMMIT
            assert await prepared.fetchval(7) == 7
            assert await prepared.fetchval(8) == 8
        assert relay.round_trips - before == 4
        await connection.close()


async def test_client_and_server_keep_a_connection_and_tell_bodies_apart() -> None:
    seen: list[tuple[str, bytes]] = []

    async def echo(path: str, body: bytes) -> bytes:
        seen.append((path, body))
        return body * 2

    async with wire.serving(echo) as port:
        client = wire.Client("127.0.0.1", port)
        assert await client.post("/one", b"a\r\n\r\nb") == (200, b"a\r\n\r\nba\r\n\r\nb")
        assert await client.post("/two", b"") == (200, b"")
        assert await client.post("/three", b"x" * 300_000) == (200, b"x" * 600_000)
        assert len(client.idle) == 1
        client.close()
    assert [path for path, _ in seen] == ["/one", "/two", "/three"]


async def test_client_notices_that_the_server_has_gone() -> None:
    async def answer(path: str, body: bytes) -> bytes:
        return body

    async with wire.serving(answer) as port:
        client = wire.Client("127.0.0.1", port)
        await client.post("/", b"1")
    async with wire.serving(answer, port):
        # over a new connection: the one in reserve was closed
        assert await client.post("/", b"2") == (200, b"2")
        client.close()


def test_a_message_in_pieces_is_put_together() -> None:
    whole = wire.request("/a", b"12345") + wire.request("/b", b"67")
    messages = wire.Messages()
    found = [each for byte in whole for each in messages.feed(bytes([byte]))]
    assert [body for _, body in found] == [b"12345", b"67"]


async def test_load_generator_posts_every_update_once() -> None:
    ids: list[int] = []

    async def note(path: str, body: bytes) -> bytes:
        assert path == WEBHOOK
        ids.append(json.loads(body)["update_id"])
        return b"{}"

    async with wire.serving(note) as port:
        load = await generate(port, 4, 0.3, first=100, warm_up=0.1)
    assert load.statuses == {200: load.answers}
    assert 0 < load.answers <= load.all == len(ids) == len(set(ids)) == load.next - 100
    assert 0 < load.p50 <= load.p99


def test_updates_are_messages_of_the_people_that_were_added(database_url: str) -> None:
    add_people(database_url, 3)
    people = asyncio.run(_people(database_url))
    posted = [json.loads(update(number, "Hello"))["message"] for number in range(3)]
    assert [message["from"]["id"] for message in posted] == people == [FIRST_USER, FIRST_USER + 1, FIRST_USER + 2]
    assert len({len(update(number)) for number in (0, 59_999)}) == 1


async def _people(database_url: str) -> list[int]:
    connection = await asyncpg.connect(database_url)
    rows = await connection.fetch("SELECT user_id FROM telegram_users WHERE dialog_id IS NOT NULL ORDER BY 1")
    await connection.close()
    return [row["user_id"] for row in rows]


async def test_handler_without_database_runs_the_whole_handler(monkeypatch: pytest.MonkeyPatch) -> None:
    import httpx

    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:9/nothing")
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN", "1:bench")
    monkeypatch.setenv("TELEGRAM_WEBHOOK_SECRET", SECRET_HEADER.partition(": ")[2])
    monkeypatch.delitem(sys.modules, "webhook.app", raising=False)
    from bench.doors import undatabased

    transport = httpx.ASGITransport(undatabased())
    async with httpx.AsyncClient(transport=transport, base_url="http://bench") as client:
        name, _, secret = SECRET_HEADER.partition(": ")
        answer = await client.post(WEBHOOK, content=update(1), headers={name: secret})
    assert (answer.status_code, answer.json()["action"]) == (200, "typing")


def test_percentiles() -> None:
    values = [float(value) for value in range(1, 101)]
    assert (median(values), percentile(values, 0.99), percentile(values, 1.0)) == (50.0, 99.0, 100.0)
    assert median([3.0]) == 3.0
    assert math.isnan(median([]))


def test_a_missed_target_is_said_in_the_table_and_at_the_end() -> None:
    figures = [Figure("quick", "1 ms", "a watch", "≤ 2 ms", True), Figure("slow", "9 ms", "", "≤ 2 ms", False)]
    table = "\n".join(lines(figures))
    assert "how: a watch" in table
    assert "target ≤ 2 ms: MISSED" in table
    assert verdicts(figures).splitlines() == ["1 of 2 targets met", "  missed: slow: 9 ms (target ≤ 2 ms)"]


async def test_a_child_is_measured_and_ends_with_its_block(tmp_path: Path) -> None:
    spin = "import time\nwhile True: time.process_time()"
    with running("spinner", [sys.executable, "-c", spin], environment=os.environ, folder=tmp_path) as child:
        await until(child, lambda: cpu.of_group(child.pid) > 0.1, "use the processor")
        assert cpu.of_children(os.getpid()) > 0.1
        assert child.peak_memory() > 1_000_000
    assert child.process.poll() is not None


async def test_a_child_that_ends_by_itself_is_told_with_its_last_words(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "raise SystemExit('no luck today')"]
    with (
        running("pessimist", command, environment=os.environ, folder=tmp_path) as child,
        pytest.raises(Failed, match="no luck today"),
    ):
        await until(child, lambda: False, "become ready", patience=30)
