""" "typing…" beside the work, never in its way."""

import asyncio
from typing import Any

import httpx
import pytest

from jobs.companion import activity
from jobs.companion.activity import showing
from jobs.delivery.telegram import Telegram
from sandbox.bot_api.faults import FaultKind, FaultOrder
from sandbox.bot_api.server import running_sandbox
from tests.factories import TOKEN, USER, to_chat


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(activity, "REPEAT_SECONDS", 0.02)


async def shown(fault: FaultKind | None = None, destination: dict[str, Any] | None = None) -> list[tuple[Any, ...]]:
    async with running_sandbox(TOKEN) as running, httpx.AsyncClient(verify=False, trust_env=False) as client:
        running.sandbox.add_user("Anna", user_id=USER)
        if fault:
            running.sandbox.faults.order(FaultOrder(kind=fault))
        telegram = Telegram(client, token=TOKEN, api_base=running.url)
        calls = running.sandbox.bot().calls
        async with showing(telegram, to_chat() if destination is None else destination, "typing"):
            enough = lambda: True if len(calls.kept) >= 3 else None  # noqa: E731 - one expression, used once
            await running.sandbox.events.wait_for(enough, 5 if destination is None else 0.1)
        ended = calls.started
        await asyncio.sleep(0.06)
        assert calls.started == ended, "it stops with the work"
        return [(call.method, str(call.params["chat_id"]), call.params["action"]) for call in calls.kept]


@pytest.mark.parametrize("fault", [None, FaultKind.SERVER_ERROR, FaultKind.DROP_BEFORE, FaultKind.TOO_MANY_REQUESTS])
async def test_it_is_repeated_whatever_telegram_says(fault: FaultKind | None) -> None:
    assert set(await shown(fault)) == {("sendChatAction", str(USER), "typing")}


async def test_a_job_of_no_chat_shows_nothing() -> None:
    assert await shown(destination={}) == []


class Broken:
    def __init__(self) -> None:
        self.asked = asyncio.Event()

    async def chat_action(self, chat_id: int, action: str) -> None:
        self.asked.set()
        raise RuntimeError("a bug")


async def test_even_a_bug_in_it_does_not_undo_the_work() -> None:
    telegram = Broken()
    done = False
    async with showing(telegram, to_chat(), "typing"):
        await asyncio.wait_for(telegram.asked.wait(), 5)
        await asyncio.sleep(0)
        done = True
    assert done


async def test_a_worker_without_a_bot_shows_nothing() -> None:
    async with showing(None, to_chat(), "typing"):
        pass


async def test_a_cancelled_run_is_cancelled_at_once() -> None:
    telegram = Broken()

    async def work() -> None:
        async with showing(telegram, to_chat(), "typing"):
            await asyncio.sleep(60)

    running = asyncio.create_task(work())
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
