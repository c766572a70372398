"""What a running ticket may say about its place: that it needs it no more, or that it has not begun yet."""

import asyncio

import pytest
from procrastinate import JobContext

from jobs.engine.worker import MOST_AFTERWORK
from tests.jobs.queue_probe import ProbeApp, defer, make_app, running, tickets, until


@pytest.fixture
def app(database_url: str) -> ProbeApp:
    made = make_app(database_url)
    diary = made.diary
    made.end = asyncio.Event()  # type: ignore[attr-defined]  # the tests' own

    @made.task(name="afterwork", pass_context=True)
    async def afterwork(context: JobContext) -> None:
        diary.note(context, "began")
        for _ in range(2):  # once is enough, twice gives away no second place
            context.additional_context["seat"].leave()
        await made.end.wait()  # type: ignore[attr-defined]

    @made.task(name="idle", pass_context=True)
    async def idle(context: JobContext, waits: bool) -> None:
        context.additional_context["seat"].waits(waits)
        diary.note(context, "waits" if waits else "works")
        await asyncio.sleep(2.0)
        diary.note(context, "done")

    return made


async def test_whoever_leaves_makes_room_for_one_more_and_not_for_ever(app: ProbeApp) -> None:
    for _ in range(MOST_AFTERWORK + 6):
        await defer(app, "afterwork", "gpu-0")
    async with running(app, queues=["gpu-0"]):
        # two have a place, and so many gave theirs away
        await until(lambda: begun(app, MOST_AFTERWORK + 2))
        await asyncio.sleep(0.3)
        assert len(app.diary.of("began")) == MOST_AFTERWORK + 2
        app.end.set()  # type: ignore[attr-defined]
        await until(lambda: begun(app, MOST_AFTERWORK + 6))


async def begun(app: ProbeApp, count: int) -> bool:
    return len(app.diary.of("began")) >= count


async def test_a_worker_that_stops_gives_back_at_once_what_has_not_begun(app: ProbeApp) -> None:
    waiting = await defer(app, "idle", "gpu-0", waits=True)
    working = await defer(app, "idle", "gpu-0", waits=False)
    async with running(app, queues=["gpu-0"]):
        await until(lambda: all_there(app))
    assert app.diary.of("done") == [working]
    assert await tickets(app.diary.url) == {waiting: "todo"}


async def all_there(app: ProbeApp) -> bool:
    return len(app.diary.events) == 2
