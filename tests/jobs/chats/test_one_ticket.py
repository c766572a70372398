"""The messages of one occasion share a ticket: in order, each once, and none holds up another more than it must."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from jobs.companion.messages.outbox import ChatText
from jobs.db.session import Database
from jobs.deliver import deliver
from jobs.errors import TemporaryError
from sandbox.bot_api.faults import FaultKind, FaultOrder
from tests.factories import execute, rows, tickets
from tests.jobs.chats.chat_stage import Stage, opened_stage


@pytest.fixture
async def stage(database: Database, tmp_path: Path) -> AsyncIterator[Stage]:
    async with opened_stage(database, tmp_path) as opened:
        yield opened


async def deliveries(stage: Stage) -> dict[int, str]:
    found = await rows(stage.database, "SELECT id, status FROM deliveries ORDER BY id")
    return {each["id"]: each["status"] for each in found}


async def test_none_is_sent_again_when_a_later_one_must_wait(stage: Stage) -> None:
    await stage.plan(*(ChatText(each) for each in ("One", "Two", "Three")), key="a")
    first, *others = await deliveries(stage)
    [ticket] = await tickets(stage.database)
    assert ticket["args"] == {"delivery_id": first, "then": others}
    await deliver(stage.resources, first)
    stage.sandbox.faults.order(FaultOrder(kind=FaultKind.SERVER_ERROR))
    with pytest.raises(TemporaryError):
        await deliver(stage.resources, first, *others)
    assert list((await deliveries(stage)).values()) == ["sent", "pending", "pending"], "what comes later waits for it"
    await deliver(stage.resources, first, *others)
    assert stage.texts() == ["One", "Two", "Three"]


async def test_one_that_was_cut_off_holds_up_no_other(stage: Stage) -> None:
    await stage.plan(ChatText("One"), ChatText("Two"), key="a")
    first, second = await deliveries(stage)
    await execute(stage.database, f"UPDATE deliveries SET status = 'sending', attempt = 1 WHERE id = {first}")
    await deliver(stage.resources, first, second)
    assert await deliveries(stage) == {first: "unknown", second: "sent"}
    assert stage.texts() == ["Two"]


async def test_an_occasion_that_was_planned_before_gets_no_second_ticket(stage: Stage) -> None:
    await stage.plan(ChatText("One"), key="a")
    await stage.plan(ChatText("One"), ChatText("Two"), key="a")
    first, second = await deliveries(stage)
    assert [each["args"] for each in await tickets(stage.database)] == [{"delivery_id": first}, {"delivery_id": second}]
