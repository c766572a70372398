"""Many who stand at the same place cost one look."""

import asyncio
from contextlib import AsyncExitStack

from sqlalchemy import event

from api.streaming.shared_looks import SharedLooks
from tests.api.live_api import live_api, stream
from tests.api.opened_api import ANNA
from tests.jobs.events.writers import new_job, progress
from tests.jobs.queue_probe import until


class Log:
    """Each look finds what was written when it began, and ends when it is let go."""

    def __init__(self) -> None:
        self.written = 0
        self.looks = 0
        self.go = asyncio.Event()

    async def look(self) -> int:
        self.looks += 1
        found = self.written
        await self.go.wait()
        return found


async def begun(log: Log, count: int) -> None:
    await until(lambda: log.looks == count)


async def test_looks_that_have_not_begun_are_one() -> None:
    log, looks = Log(), SharedLooks[int]()
    log.go.set()
    assert await asyncio.gather(*(looks("here", log.look) for _ in range(50))) == [0] * 50
    assert log.looks == 1


async def test_a_look_that_has_begun_is_not_joined_it_may_have_missed_the_news() -> None:
    log, looks = Log(), SharedLooks[int]()
    early = asyncio.create_task(looks("here", log.look))
    await begun(log, 1)
    log.written = 1
    late = asyncio.create_task(looks("here", log.look))
    await begun(log, 2)
    log.go.set()
    assert (await early, await late) == (0, 1)


async def test_other_places_are_other_looks_and_few_go_on_at_a_time() -> None:
    log, looks = Log(), SharedLooks[int](at_once=2)
    waiting = [asyncio.create_task(looks(place, log.look)) for place in range(5)]
    await begun(log, 2)
    log.go.set()
    await asyncio.gather(*waiting)
    assert log.looks == 5


async def test_one_who_leaves_takes_the_look_from_nobody() -> None:
    log, looks = Log(), SharedLooks[int]()
    leaving, staying = (asyncio.create_task(looks("here", log.look)) for _ in range(2))
    await begun(log, 1)
    leaving.cancel()
    log.go.set()
    assert await staying == 0


async def test_at_the_end_nothing_is_left_running() -> None:
    log, looks = Log(), SharedLooks[int](at_once=1)
    one, two = (asyncio.create_task(looks(place, log.look)) for place in range(2))
    await begun(log, 1)
    await looks.aclose()
    assert [type(each) for each in await asyncio.gather(one, two, return_exceptions=True)] == [
        asyncio.CancelledError
    ] * 2


async def test_an_event_for_one_of_many_streams_is_one_reader_s_work(database_url: str) -> None:
    async with live_api(database_url) as api, AsyncExitStack() as stack:
        mine, *others = [await new_job(api.database, owner=ANNA) for _ in range(30)]
        paths = [f"/v1/jobs/{job.id}/events" for job in (mine, mine, mine, *others)]
        streams = [await stack.enter_async_context(stream(api.anna, path)) for path in paths]
        for each in streams:
            await each.next()
        await until(lambda: api.app.state.hub.listening)
        asked = statements_of(api.database.engine.sync_engine)
        await quiet(asked)
        asked.clear()
        await progress(api.database, mine.id)
        for each in streams[:3]:
            await each.next()
        await quiet(asked)
        assert len([statement for statement in asked if "FROM job_events" in statement]) == 1


def statements_of(engine: object) -> list[str]:
    """Grows with each statement that is sent from now on."""
    asked: list[str] = []

    @event.listens_for(engine, "before_cursor_execute")
    def note(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        asked.append(statement)

    return asked


async def quiet(asked: list[str]) -> None:
    """Until nothing more is asked for a moment."""
    before = -1
    while before != len(asked):
        before = len(asked)
        await asyncio.sleep(0.2)
