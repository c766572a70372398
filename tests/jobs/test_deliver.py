"""One delivery to a chat: sent once, tried again only when nothing arrived, and `unknown` when nobody can say."""

import io
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from PIL import Image

from jobs.companion.messages.outbox import ChatPhoto, ChatText, Message, send_to_chat
from jobs.db.files import media as media_rows
from jobs.db.session import Database
from jobs.deliver import deliver
from jobs.errors import TemporaryError
from jobs.resources import Resources
from sandbox.bot_api.faults import FaultKind, FaultOrder
from sandbox.bot_api.sandbox import Sandbox
from sandbox.bot_api.server import running_sandbox
from sandbox.serve import serving
from tests.factories import TOKEN, USER, add_user, execute, rows, submit, tickets, to_chat, value, worker
from tests.jobs.delivery.scripted_telegram import ScriptedTelegram, refusal

Sends = Callable[..., Any]


@pytest.fixture
async def sandbox() -> AsyncIterator[tuple[str, Sandbox]]:
    async with running_sandbox(TOKEN) as running:
        running.sandbox.add_user("Anna", user_id=USER)
        yield running.url, running.sandbox


@pytest.fixture
async def resources(database: Database, sandbox: tuple[str, Sandbox], tmp_path: Path) -> AsyncIterator[Resources]:
    async with worker(database, bot_api=sandbox[0], media=tmp_path) as opened:
        async with database.transaction() as connection:
            await add_user(connection)
        yield opened


@asynccontextmanager
async def scripted(database: Database, tmp_path: Path) -> AsyncIterator[tuple[ScriptedTelegram, Resources]]:
    script = ScriptedTelegram()
    async with serving(script.app) as url, worker(database, bot_api=url, media=tmp_path) as opened:
        async with database.transaction() as connection:
            await add_user(connection)
        yield script, opened


async def plan(database: Database, *messages: Message, key: str = "test") -> list[int]:
    """The ids of the deliveries that carry the messages."""
    async with database.transaction() as connection:
        await send_to_chat(connection, USER, messages, key=key)
    return [row["id"] for row in await rows(database, "SELECT id FROM deliveries ORDER BY id")]


async def delivery(database: Database, delivery_id: int) -> dict[str, Any]:
    [row] = await rows(database, "SELECT * FROM deliveries WHERE id = :id", id=delivery_id)
    return row


async def attempts(database: Database, delivery_id: int) -> list[tuple[int, str]]:
    query = "SELECT number, outcome FROM delivery_attempts WHERE delivery_id = :id ORDER BY number"
    return [(row["number"], row["outcome"]) for row in await rows(database, query, id=delivery_id)]


def texts(sandbox: Sandbox) -> list[str]:
    """What the person sees in the chat, from the bot."""
    messages = sandbox.person(USER).chat.messages.values()
    return [message.body.text.text for message in messages if message.from_bot]  # type: ignore[union-attr]  # only texts are sent here


async def stored_picture(resources: Resources, colour: str = "red") -> UUID:
    drawn = io.BytesIO()
    Image.new("RGB", (64, 64), colour).save(drawn, "PNG")
    job = await submit(resources, "generate_image", {"prompt": "a fox"}, destination=to_chat())
    stored = await resources.media.put(drawn.getvalue(), uuid4())
    async with resources.database.transaction() as connection:
        await media_rows.insert(connection, stored, owner="o", job_id=job.id, ttl=3600)
    return stored.id


async def test_a_text_arrives_once(resources: Resources, database: Database, sandbox: tuple[str, Sandbox]) -> None:
    [number] = await plan(database, ChatText("Hello"))
    await deliver(resources, number)
    sent = await delivery(database, number)
    assert (sent["status"], sent["attempt"], sent["error"]) == ("sent", 1, None)
    assert sent["finished_at"] is not None
    assert texts(sandbox[1]) == ["Hello"]
    [message] = sandbox[1].person(USER).chat.messages.values()
    assert sent["message_id"] == message.message_id
    assert await attempts(database, number) == [(1, "sent")]
    await deliver(resources, number)
    assert texts(sandbox[1]) == ["Hello"], "a second ticket sends nothing"


async def test_a_delivery_that_was_pruned_is_no_trouble(resources: Resources) -> None:
    await deliver(resources, 4711)


@pytest.mark.parametrize("status", ["sent", "unknown", "held", "failed"])
async def test_what_has_ended_is_not_sent(
    resources: Resources, database: Database, sandbox: tuple[str, Sandbox], status: str
) -> None:
    [number] = await plan(database, ChatText("Hello"))
    await execute(database, f"UPDATE deliveries SET status = '{status}'")
    await deliver(resources, number)
    assert (await delivery(database, number))["status"] == status
    assert texts(sandbox[1]) == []


async def test_a_429_is_waited_for_and_then_sent(
    resources: Resources, database: Database, sandbox: tuple[str, Sandbox]
) -> None:
    sandbox[1].faults.order(FaultOrder(kind=FaultKind.TOO_MANY_REQUESTS, retry_after=23))
    [number] = await plan(database, ChatText("Hello"))
    with pytest.raises(TemporaryError) as again:
        await deliver(resources, number)
    assert again.value.retry_in == 23
    waiting = await delivery(database, number)
    assert (waiting["status"], waiting["attempt"], waiting["finished_at"]) == ("pending", 1, None)
    assert "23" in waiting["error"]["detail"]
    with pytest.raises(TemporaryError) as again:
        await deliver(resources, number)
    assert 15 < (again.value.retry_in or 0) <= 23, "and until then nobody asks Telegram"
    assert len(sandbox[1].bot().calls.find(method="sendMessage")) == 1
    await execute(database, "UPDATE chat_pace SET paused_until = now()")
    await deliver(resources, number)
    sent = await delivery(database, number)
    assert (sent["status"], sent["attempt"], sent["error"]) == ("sent", 2, None)
    assert await attempts(database, number) == [(1, "not_sent"), (2, "sent")]
    assert texts(sandbox[1]) == ["Hello"]


async def test_a_server_error_in_json_is_tried_again(
    resources: Resources, database: Database, sandbox: tuple[str, Sandbox]
) -> None:
    sandbox[1].faults.order(FaultOrder(kind=FaultKind.SERVER_ERROR))
    [number] = await plan(database, ChatText("Hello"))
    with pytest.raises(TemporaryError):
        await deliver(resources, number)
    assert (await delivery(database, number))["status"] == "pending"
    await deliver(resources, number)
    assert texts(sandbox[1]) == ["Hello"]


async def test_a_blocked_bot_holds_this_and_all_later_messages(
    resources: Resources, database: Database, sandbox: tuple[str, Sandbox]
) -> None:
    sandbox[1].person(USER).block()
    first, second = await plan(database, ChatText("One"), ChatText("Two"))
    await deliver(resources, first)
    assert (await delivery(database, first))["status"] == "held"
    assert await value(database, "SELECT blocked_at IS NOT NULL FROM telegram_users") is True
    calls = sandbox[1].bot().calls.started
    await deliver(resources, second)
    assert sandbox[1].bot().calls.started == calls, "Telegram is not asked again"
    assert (await delivery(database, second))["status"] == "held"
    assert (await delivery(database, second))["finished_at"] is None
    await deliver(resources, second)
    assert (await delivery(database, second))["status"] == "held", "a second ticket changes nothing"


async def test_a_block_of_before_is_not_taken_for_one_of_now(
    resources: Resources, database: Database, sandbox: tuple[str, Sandbox]
) -> None:
    """They wrote again while the answer of their closed door was still under way."""
    sandbox[1].person(USER).block()
    [number] = await plan(database, ChatText("One"))
    await execute(database, "UPDATE telegram_users SET seen_at = now() + interval '1 minute'")
    with pytest.raises(TemporaryError):
        await deliver(resources, number)
    assert (await delivery(database, number))["status"] == "pending"
    assert await value(database, "SELECT blocked_at IS NULL FROM telegram_users") is True


async def test_nothing_waits_for_somebody_who_was_never_here(database: Database, tmp_path: Path) -> None:
    async with scripted(database, tmp_path) as (script, resources):
        await execute(database, "DELETE FROM telegram_users")
        script.answers.append(refusal(400, "Bad Request: chat not found"))
        [number] = await plan(database, ChatText("One"))
        await deliver(resources, number)
    assert (await delivery(database, number))["status"] == "failed"


async def test_another_persons_block_is_theirs(
    resources: Resources, database: Database, sandbox: tuple[str, Sandbox]
) -> None:
    async with database.transaction() as connection:
        await add_user(connection, 8)
    await execute(database, "UPDATE telegram_users SET blocked_at = now() WHERE user_id = 8")
    [number] = await plan(database, ChatText("Hello"))
    await deliver(resources, number)
    assert texts(sandbox[1]) == ["Hello"]


async def test_a_message_that_telegram_refuses_fails_alone(database: Database, tmp_path: Path) -> None:
    async with scripted(database, tmp_path) as (script, resources):
        script.answers.append(refusal(400, "Bad Request: message text is empty"))
        first, second = await plan(database, ChatText("One"), ChatText("Two"))
        await deliver(resources, first)
        await deliver(resources, second)
    assert (await delivery(database, first))["status"] == "failed"
    assert "message text is empty" in (await delivery(database, first))["error"]["detail"]
    assert (await delivery(database, second))["status"] == "sent"
    assert await value(database, "SELECT blocked_at IS NULL FROM telegram_users") is True


@pytest.mark.parametrize("kind", [FaultKind.BAD_GATEWAY, FaultKind.DROP_AFTER, FaultKind.DROP_BEFORE])
async def test_what_may_have_arrived_is_never_sent_again(
    resources: Resources, database: Database, sandbox: tuple[str, Sandbox], kind: FaultKind
) -> None:
    sandbox[1].faults.order(FaultOrder(kind=kind))
    [number] = await plan(database, ChatText("Hello"))
    await deliver(resources, number)
    row = await delivery(database, number)
    assert (row["status"], row["message_id"]) == ("unknown", None)
    assert row["error"]["detail"]
    arrived = texts(sandbox[1])
    assert arrived == (["Hello"] if kind is FaultKind.DROP_AFTER else [])
    await deliver(resources, number)
    assert texts(sandbox[1]) == arrived
    assert await attempts(database, number) == [(1, "unknown")]


async def test_a_delivery_cut_off_by_a_crash_is_unknown(
    resources: Resources, database: Database, sandbox: tuple[str, Sandbox]
) -> None:
    [number] = await plan(database, ChatText("Hello"))
    await execute(database, "UPDATE deliveries SET status = 'sending', attempt = 1, sending_at = now()")
    await deliver(resources, number)
    row = await delivery(database, number)
    assert (row["status"], row["attempt"]) == ("unknown", 1)
    assert "stopped" in row["error"]["detail"]
    assert texts(sandbox[1]) == []


async def test_the_mark_is_committed_before_the_message_goes_out(database: Database, tmp_path: Path) -> None:
    seen: list[str] = []

    class Watching(ScriptedTelegram):
        async def answer(self, request: Any) -> Any:
            seen.append(await value(database, "SELECT status FROM deliveries"))
            return await super().answer(request)

    script = Watching()
    async with serving(script.app) as url, worker(database, bot_api=url, media=tmp_path) as opened:
        [number] = await plan(database, ChatText("Hello"))
        await deliver(opened, number)
    assert seen == ["sending"]


async def test_a_refused_connection_is_tried_again(database: Database, tmp_path: Path) -> None:
    async with worker(database, bot_api="http://127.0.0.1:9", media=tmp_path) as opened:
        [number] = await plan(database, ChatText("Hello"))
        for attempt in (1, 2):
            with pytest.raises(TemporaryError) as again:
                await deliver(opened, number)
            assert again.value.retry_in
            row = await delivery(database, number)
            assert (row["status"], row["attempt"]) == ("pending", attempt)


async def test_a_long_text_arrives_in_parts_and_in_order(
    resources: Resources, database: Database, sandbox: tuple[str, Sandbox]
) -> None:
    words = [f"word{number:04}" for number in range(1112)]
    numbers = await plan(database, ChatText(" ".join(words)))
    assert len(" ".join(words)) >= 10_000
    assert len(numbers) == 3
    for number in numbers:
        await deliver(resources, number)
    assert " ".join(texts(sandbox[1])).split() == words
    assert {ticket["lock"] for ticket in await tickets(database)} == {f"chat:{USER}"}


async def test_the_same_occasion_is_told_once(database: Database) -> None:
    await plan(database, ChatText("Hello"), key="occasion")
    await plan(database, ChatText("Hello"), key="occasion")
    assert await value(database, "SELECT count(*) FROM deliveries") == 1
    assert len(await tickets(database)) == 1


async def test_a_picture_is_uploaded_once_and_then_sent_by_its_name(database: Database, tmp_path: Path) -> None:
    async with running_sandbox(TOKEN) as running, worker(database, bot_api=running.url, media=tmp_path) as opened:
        running.sandbox.add_user("Anna", user_id=USER)
        picture = await stored_picture(opened)
        first = (await plan(database, ChatPhoto(picture, "a fox"), key="1"))[-1]
        await deliver(opened, first)
        file_id = await value(database, "SELECT telegram_file_id FROM media")
        assert file_id
        second = (await plan(database, ChatPhoto(picture, "again"), key="2"))[-1]
        await deliver(opened, second)
        calls = running.sandbox.bot().calls.find(method="sendPhoto")
        shown = [message for message in running.sandbox.person(USER).chat.messages.values() if message.from_bot]
    assert [call.status for call in calls] == [200, 200]
    assert str(calls[1].params["photo"]) == file_id
    assert len(shown) == 2
    assert (await delivery(database, second))["status"] == "sent"


async def test_a_name_that_telegram_has_forgotten_is_replaced(database: Database, tmp_path: Path) -> None:
    async with running_sandbox(TOKEN) as running, worker(database, bot_api=running.url, media=tmp_path) as opened:
        running.sandbox.add_user("Anna", user_id=USER)
        picture = await stored_picture(opened)
        await execute(database, "UPDATE media SET telegram_file_id = 'AgACAgIAAxkDAAIforgotten'")
        [number] = await plan(database, ChatPhoto(picture, "a fox"))
        await deliver(opened, number)
        statuses = [call.status for call in running.sandbox.bot().calls.find(method="sendPhoto")]
    assert statuses == [400, 200]
    assert (await delivery(database, number))["status"] == "sent"
    assert await value(database, "SELECT telegram_file_id FROM media") != "AgACAgIAAxkDAAIforgotten"


async def test_a_429_for_a_known_file_is_not_an_upload(database: Database, tmp_path: Path) -> None:
    async with scripted(database, tmp_path) as (script, resources):
        picture = await stored_picture(resources)
        await execute(database, "UPDATE media SET telegram_file_id = 'known'")
        script.answers.append(refusal(429, "Too Many Requests: retry after 3", retry_after=3))
        [number] = await plan(database, ChatPhoto(picture))
        with pytest.raises(TemporaryError):
            await deliver(resources, number)
    [call] = script.calls
    assert (call.fields["photo"], call.files) == ("known", {})


async def test_a_picture_whose_row_is_gone(
    resources: Resources, database: Database, sandbox: tuple[str, Sandbox]
) -> None:
    [number] = await plan(database, ChatPhoto(uuid4(), "a fox"))
    await deliver(resources, number)
    row = await delivery(database, number)
    assert row["status"] == "failed"
    assert "deleted" in row["error"]["detail"]


async def test_a_picture_whose_bytes_are_gone(
    resources: Resources, database: Database, sandbox: tuple[str, Sandbox]
) -> None:
    picture = await stored_picture(resources)
    await resources.media.delete([await value(database, "SELECT key FROM media")])
    [number] = await plan(database, ChatPhoto(picture, "a fox"))
    await deliver(resources, number)
    row = await delivery(database, number)
    assert row["status"] == "failed"
    assert "not in the media store" in row["error"]["detail"]


async def test_trouble_before_anything_was_sent_is_not_unknown(
    resources: Resources, database: Database, sandbox: tuple[str, Sandbox]
) -> None:
    """The row of the picture cannot be read for a moment: nothing went out, so nothing may be given up."""
    picture = await stored_picture(resources)
    [number] = await plan(database, ChatPhoto(picture, "a fox"))
    await execute(database, "ALTER TABLE media RENAME TO media_away")
    with pytest.raises(Exception, match=r"."):
        await deliver(resources, number)
    await execute(database, "ALTER TABLE media_away RENAME TO media")
    await deliver(resources, number)
    assert (await delivery(database, number))["status"] == "sent"


async def test_a_long_caption_is_shortened(database: Database) -> None:
    await plan(database, ChatPhoto(uuid4(), "🦊" * 600))
    caption = await value(database, "SELECT payload->>'caption' FROM deliveries")
    assert len(caption.encode("utf-16-le")) // 2 <= 1024
    assert caption.endswith("…")


async def test_a_worker_without_a_bot_leaves_the_delivery_for_one_that_has(database: Database) -> None:
    async with worker(database) as opened:
        [number] = await plan(database, ChatText("Hello"))
        with pytest.raises(Exception, match="telegram"):
            await deliver(opened, number)
    assert (await delivery(database, number))["status"] == "pending"
