"""As fast as Telegram allows, all workers together, and nothing is lost or comes twice where it does not allow more."""

from dataclasses import replace
from pathlib import Path

import pytest

from jobs.chats.turns import QUEUE
from jobs.companion.messages.outbox import BULK_PRIORITY, ChatText
from jobs.companion.pace import PaceSettings
from jobs.db.chats import chat_pace
from jobs.db.chats.chat_pace import Pace
from jobs.db.delivery import deliveries
from jobs.db.session import Database
from jobs.deliver import deliver
from jobs.errors import TemporaryError
from jobs.housekeeping import end_held
from jobs.lanes.gates import Gates
from sandbox.bot_api.faults import FaultKind, FaultOrder
from sandbox.bot_api.options import FloodLimits, SandboxOptions
from tests.factories import execute, rows, tickets, value
from tests.jobs.chats.chat_stage import Stage, opened_stage

PEOPLE = range(100, 120)
WORDS = [f"message {number}" for number in range(5)]
NEVER_FULL = Pace(rate=0.001, burst=4, chat_rate=0.001, chat_burst=3)


async def number_of(stage: Stage, key: str) -> int:
    return int((await stage.delivery(key))["id"])


async def refused(stage: Stage, key: str) -> TemporaryError:
    with pytest.raises(TemporaryError) as later:
        await deliver(stage.resources, await number_of(stage, key))
    return later.value


@pytest.mark.parametrize(
    "pace", [PaceSettings(_env_file=None).pace(), Pace(300, 200, 100, 100)], ids=["kept", "too fast"]
)
async def test_everybody_gets_everything_once_and_in_order(database: Database, tmp_path: Path, pace: Pace) -> None:
    options = SandboxOptions(flood=FloodLimits())
    async with opened_stage(database, tmp_path, *PEOPLE, options=options, pace=pace) as stage:
        for user in PEOPLE:
            await stage.plan(*map(ChatText, WORDS), key=f"to {user}", user=user)
        await stage.run_tickets(places=40)
        assert [stage.texts(user) for user in PEOPLE] == [WORDS] * len(PEOPLE)
        statuses = [call.status for call in stage.calls("sendMessage")]
    assert await value(database, "SELECT count(*) FROM deliveries WHERE status = 'sent'") == len(PEOPLE) * len(WORDS)
    assert statuses.count(200) == len(PEOPLE) * len(WORDS)
    # and who does not keep to it may be slow all the same
    assert 429 not in statuses or pace.rate > 100, "who keeps to the pace is never told to wait"


async def test_a_chat_that_must_wait_holds_up_nobody_else(database: Database, tmp_path: Path) -> None:
    async with opened_stage(database, tmp_path, 7, 8) as stage:
        stage.sandbox.faults.order(FaultOrder(kind=FaultKind.TOO_MANY_REQUESTS, chat_id=7, retry_after=40))
        await stage.plan(ChatText("One"), key="a", user=7)
        await stage.plan(ChatText("One"), key="b", user=8)
        assert (await refused(stage, "a:0")).retry_in == 40
        await deliver(stage.resources, await number_of(stage, "b:0"))
        assert stage.texts(8) == ["One"]
        assert 30 < ((await refused(stage, "a:0")).retry_in or 0) <= 40
        assert len(stage.calls()) == 2
        assert stage.resources.gates.is_open(QUEUE)


async def test_two_chats_that_must_wait_speak_for_all(database: Database, tmp_path: Path) -> None:
    """An answer of 429 does not say for whom it is meant."""
    async with opened_stage(database, tmp_path, 7, 8, 9) as stage:
        for user, seconds in ((7, 40), (8, 20)):
            order = FaultOrder(kind=FaultKind.TOO_MANY_REQUESTS, chat_id=user, retry_after=seconds)
            stage.sandbox.faults.order(order)
        for user in (7, 8, 9):
            await stage.plan(ChatText("One"), key=f"to {user}", user=user)
        await refused(stage, "to 7:0")
        await refused(stage, "to 8:0")
        assert 10 < ((await refused(stage, "to 9:0")).retry_in or 0) <= 20, "no longer than either of them"
        assert len(stage.calls()) == 2
        assert not stage.resources.gates.is_open(QUEUE), "nothing is fetched only to be put back"
        await execute(database, "UPDATE chat_pace SET paused_until = now()")
        await stage.run_tickets(places=3)
        assert [stage.texts(user) for user in (7, 8, 9)] == [["One"]] * 3


async def test_a_bot_that_telegram_does_not_know_burns_nothing(database: Database, tmp_path: Path) -> None:
    async with opened_stage(database, tmp_path, 7, 8) as stage:
        known, gates = stage.resources.telegram, Gates()
        assert known is not None
        stage.resources = replace(stage.resources, gates=gates)
        await stage.plan(ChatText("One"), key="a", user=7)
        await stage.plan(ChatText("One"), key="b", user=8)
        known.root = known.root.replace("test-token", "revoked")
        assert "TELEGRAM_BOT_TOKEN" in (await refused(stage, "a:0")).detail
        assert not gates.is_open(QUEUE)
        await refused(stage, "b:0")
        assert (await stage.delivery("b:0"))["attempt"] == 0, "it was not even tried"
        known.root = known.root.replace("revoked", "test-token")
        await execute(database, "UPDATE chat_pace SET paused_until = now()")
        await stage.run_tickets(places=2)
        assert stage.texts(7) == stage.texts(8) == ["One"]


async def test_who_waits_for_an_answer_goes_before_news_for_everybody(database: Database, tmp_path: Path) -> None:
    async with opened_stage(database, tmp_path, *PEOPLE, pace=NEVER_FULL) as stage:
        for user in PEOPLE[:3]:
            await stage.plan(ChatText("News"), key=f"news {user}", user=user, bulk=True)
        await stage.plan(ChatText("Answer"), ChatText("Answer"), key="answer", user=PEOPLE[3])
        assert [ticket["priority"] for ticket in await tickets(database)] == [BULK_PRIORITY] * 3 + [0]

        async def verdict(key: str) -> str:
            async with database.statement() as connection:
                asked = await deliveries.begin_in_turn(connection, await number_of(stage, key), NEVER_FULL)
            return asked[0].verdict if asked else ""

        news = [await verdict(f"news {user}:0") for user in PEOPLE[:3]]
        assert news == ["go", "go", "bot_busy"], "half of a burst is left"
        assert [await verdict(f"answer:{number}") for number in range(2)] == ["go", "go"]
        async with database.statement() as connection:
            assert not await chat_pace.take_spare_turn(connection, PEOPLE[3], NEVER_FULL)


async def test_what_was_written_to_long_ago_is_forgotten(database: Database, tmp_path: Path) -> None:
    async with opened_stage(database, tmp_path, 7, 8) as stage:
        await stage.send(ChatText("One"), key="a", user=7)
        await stage.send(ChatText("One"), key="b", user=8)
        await execute(database, "UPDATE chat_pace SET next_at = now() - interval '1 hour' WHERE chat_id = 7")
        await end_held(database)
    assert [row["chat_id"] for row in await rows(database, "SELECT chat_id FROM chat_pace ORDER BY 1")] == [0, 8]
