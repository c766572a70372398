"""A full lane's second place, in which a step only waits, is for somebody who goes far before it."""

import asyncio
from typing import Any

import pytest
from procrastinate import JobContext

from tests.jobs.queue_probe import ProbeApp, defer, make_app, rows, running, tickets, until

LANE = "gpu-0"


@pytest.fixture
def app(database_url: str) -> ProbeApp:
    made = make_app(database_url)
    made.end = asyncio.Event()  # type: ignore[attr-defined]  # the tests' own

    @made.task(name="draw", pass_context=True)
    async def draw(context: JobContext, waits: bool) -> None:
        context.additional_context["seat"].waits(waits)
        made.diary.note(context, "waits" if waits else "draws")
        await made.end.wait()  # type: ignore[attr-defined]
        made.diary.note(context, "done")

    return made


async def in_order(app: ProbeApp, priority: int, *, task: str = "quick", **given: Any) -> int:
    ticket = await defer(app, task, "parked", **given)
    update = "UPDATE procrastinate_jobs SET queue_name = %s, priority = %s WHERE id = %s RETURNING id"
    await rows(app.diary.url, update, LANE, priority, ticket)
    return ticket


async def test_a_step_that_waits_in_a_lane_lets_a_picture_for_a_chat_go_first(app: ProbeApp) -> None:
    drawing = await in_order(app, -4, task="draw", waits=False)
    step = await in_order(app, -5, task="draw", waits=True)
    url = app.diary.url
    async with running(app, queues=[LANE]):
        await until(lambda: app.diary.of("waits") == [step])
        later = await in_order(app, -6)
        soon = await in_order(app, 40)
        await asyncio.sleep(0.3)
        assert (await tickets(url))[soon] == (await tickets(url))[later] == "todo", "somewhat before it is not enough"
        chat = await in_order(app, 94)
        # what goes before it in the usual order follows the chat's, now that there is room
        await until(lambda: {chat, soon} <= set(app.diary.of("ran")))
        assert app.diary.of("ran")[0] == chat
        assert drawing not in app.diary.of("done"), "what draws is let alone"
        await until(lambda: app.diary.of("waits") == [step, step], 20)
        app.end.set()  # type: ignore[attr-defined]
        await until(lambda: gone(url))
    assert sorted(app.diary.of("done")) == [drawing, step], "each once"


async def gone(url: str) -> bool:
    return not await tickets(url)
