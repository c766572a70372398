"""A person blocks the bot and comes back: nothing is lost, nothing is made in vain, nothing old arrives."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from jobs.companion.messages.outbox import ChatText
from jobs.companion.wallet.accounts import Wallet
from jobs.db.session import Database
from jobs.deliver import deliver
from jobs.housekeeping import end_held
from tests.factories import (
    USER,
    Door,
    all_jobs,
    execute,
    membership,
    opened_door,
    rows,
    sender,
    submit,
    tickets,
    to_chat,
    value,
)
from tests.jobs.chats.chat_stage import Stage, opened_stage
from tests.jobs.companion.purses import economy

STATUSES = "SELECT key, status FROM deliveries WHERE key LIKE 'a:%' ORDER BY id"


@pytest.fixture
async def stage(database: Database, tmp_path: Path) -> AsyncIterator[Stage]:
    async with opened_stage(database, tmp_path) as opened:
        yield opened


@pytest.fixture
async def door(database_url: str) -> AsyncIterator[Door]:
    async with opened_door(database_url) as opened:
        yield opened


async def statuses(database: Database) -> list[str]:
    return [row["status"] for row in await rows(database, STATUSES)]


async def test_what_was_held_comes_in_order_when_they_are_back(stage: Stage, door: Door) -> None:
    database = stage.database
    stage.sandbox.person(USER).block()
    await stage.send(ChatText("One"), ChatText("Two"), ChatText("Three"), key="a")
    assert await statuses(database) == ["held"] * 3
    assert len(stage.calls()) == 1, "after the first closed door nobody knocks again"
    assert (await stage.delivery("a:0"))["error"]["detail"]
    await execute(
        database,
        "UPDATE deliveries SET created_at = now() - interval '25 hours' WHERE key = 'a:1'",
        "DELETE FROM procrastinate_jobs",
    )

    stage.sandbox.person(USER).unblock()
    await door.post(door.update("my_chat_member", membership(sender(), "member")))
    assert await statuses(database) == ["pending", "failed", "pending"]
    assert "24 hours" in (await stage.delivery("a:1"))["error"]["detail"], "it is no news any more"
    waiting = await tickets(database)
    assert [ticket["args"]["delivery_id"] for ticket in waiting] == [
        (await stage.delivery(key))["id"] for key in ("a:0", "a:2")
    ]
    assert {ticket["lock"] for ticket in waiting} == {f"chat:{USER}"}
    for ticket in waiting:
        await deliver(stage.resources, ticket["args"]["delivery_id"])
    assert stage.texts() == ["One", "Three"]


async def test_whoever_writes_again_has_let_the_bot_in(stage: Stage, door: Door) -> None:
    """Telegram tells of both, in any order; either will do, and both together do no more."""
    stage.sandbox.person(USER).block()
    await stage.send(ChatText("One"), key="a")
    stage.sandbox.person(USER).unblock()
    await door.says("/help")
    assert await statuses(stage.database) == ["pending"]
    await door.post(door.update("my_chat_member", membership(sender(), "member")))
    assert await value(stage.database, "SELECT blocked_at IS NULL FROM telegram_users") is True
    ids = [ticket["args"]["delivery_id"] for ticket in await tickets(stage.database)]
    assert ids.count((await stage.delivery("a:0"))["id"]) == 2, "the first one's, and one more"


async def test_nothing_is_made_for_who_is_gone_and_nothing_is_charged(stage: Stage, door: Door) -> None:
    """What waits is cancelled and paid back, by the update or by the first message that finds the door closed."""
    database, energy = stage.database, "SELECT sum(amount) FROM wallet_entries WHERE unit = 'energy'"
    given = {"persona": "lina", "user_message": "Hi"}
    stage.resources.intake.wallet = Wallet(economy(price_reply=3))
    for _ in range(2):
        await submit(stage.resources, "generate_reply", given, destination=to_chat())
    assert await value(database, energy) == -6
    running = (await all_jobs(database))[0]
    await execute(database, f"UPDATE jobs SET status = 'processing', run_token = id WHERE id = '{running.id}'")
    await door.post(door.update("my_chat_member", membership(sender(), "kicked")))
    jobs = {each.id: each.status for each in await all_jobs(database)}
    assert jobs.pop(running.id) == "processing", "what has begun comes to its end, and is held"
    assert list(jobs.values()) == ["cancelled"]
    assert await value(database, energy) == -3

    await execute(database, "UPDATE telegram_users SET blocked_at = NULL")
    await submit(stage.resources, "generate_reply", given, destination=to_chat())
    stage.sandbox.person(USER).block()
    await stage.send(ChatText("One"), key="a")
    assert sorted(each.status for each in await all_jobs(database)) == ["cancelled", "cancelled", "processing"]
    assert await value(database, energy) == -3
    assert await value(database, "SELECT count(*) FROM deliveries") == 1, "nobody is told what nobody reads"


async def test_what_is_held_for_too_long_ends(stage: Stage) -> None:
    await stage.plan(ChatText("One"), ChatText("Two"), key="a")
    await execute(
        stage.database,
        "UPDATE deliveries SET status = 'held'",
        "UPDATE deliveries SET created_at = now() - interval '25 hours' WHERE key = 'a:0'",
    )
    await end_held(stage.database)
    assert await statuses(stage.database) == ["failed", "held"]
    assert (await stage.delivery("a:0"))["finished_at"] is not None
