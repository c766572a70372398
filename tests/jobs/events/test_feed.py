import asyncio
import random
from uuid import UUID, uuid4

import pytest

from jobs.db.session import Database
from jobs.errors import InvalidInput
from jobs.events import feed
from jobs.events.cursor import Cursor, parse_cursor, parse_seq
from jobs.events.feed import Event, FeedPage
from tests.factories import value
from tests.jobs.events.writers import OWNER, add_job, new_job, progress, report_progress, run_to_end
from tests.jobs.queue_probe import until


async def read(database: Database, after: Cursor | None = None, limit: int = 100, **more: list[str]) -> FeedPage:
    async with database.statement() as connection:
        return await feed.of_owner(connection, OWNER, after=after, limit=limit, **more)


def names(events: list[Event]) -> list[tuple[UUID, int]]:
    return [(event.job_id, event.seq) for event in events]


async def test_the_events_of_a_job_come_by_number_and_by_page(database: Database) -> None:
    job = await new_job(database)
    await run_to_end(database, job.id)
    async with database.statement() as connection:
        first = await feed.of_job(connection, job.id, limit=2)
        rest = await feed.of_job(connection, job.id, after=2, limit=2)
    assert [(event.seq, event.prev_seq, event.type) for event in first.events + rest.events] == [
        (1, None, "job.created"), (2, 1, "job.started"), (3, 2, "job.completed"),
    ]  # fmt: skip
    assert (first.has_more, first.next, first.ended) == (True, 2, False)
    assert (rest.has_more, rest.next, rest.ended) == (False, 3, True)


async def test_a_filter_hides_the_end_of_a_job_from_nobody(database: Database) -> None:
    job = await new_job(database)
    async with database.statement() as connection:
        open_page = await feed.of_job(connection, job.id, types=["job.progress"])
    await run_to_end(database, job.id)
    async with database.statement() as connection:
        page = await feed.of_job(connection, job.id, types=["job.progress"])
        nothing = await feed.of_job(connection, uuid4(), after=4)
    assert (open_page.events, open_page.next, open_page.ended) == ([], 1, False)
    assert (page.events, page.next, page.ended) == ([], 3, True)
    assert (nothing.events, nothing.next, nothing.ended) == ([], 4, True)


async def test_the_event_before_is_the_one_before_among_those_asked_for(database: Database) -> None:
    job = await new_job(database)
    await progress(database, job.id, done=1)
    await run_to_end(database, job.id)
    wanted = ["job.created", "job.completed"]
    async with database.statement() as connection:
        page = await feed.of_job(connection, job.id, types=wanted)
        account = await feed.of_owner(connection, OWNER, types=wanted)
    assert [(event.seq, event.prev_seq) for event in page.events] == [(1, None), (4, 1)]
    assert [(event.seq, event.prev_seq) for event in account.events] == [(1, None), (4, 1)]


async def test_a_transaction_that_began_first_and_ends_last_is_not_skipped(database: Database) -> None:
    async with database.engine.connect() as slow, database.engine.connect() as quick:
        early = await add_job(slow)
        late = await add_job(quick)
        await quick.commit()
        before = await read(database)
        assert (before.events, before.hidden) == ([], True), "a later event was shown before an earlier one could be"
        await slow.commit()
    after = await read(database, before.next)
    assert names(after.events) == [(early.id, 1), (late.id, 1)]
    assert not after.hidden


async def test_an_event_behind_the_cursor_never_appears(database: Database) -> None:
    """The row's position is taken before its transaction's number: order by position alone would skip it."""
    job, other = await new_job(database), await new_job(database)
    start = (await read(database)).next
    async with database.engine.connect() as slow, database.engine.connect() as quick:
        await report_progress(quick, other.id, {})  # has the older number, and writes a second time, later
        await report_progress(slow, job.id, {})
        await slow.commit()
        shown = await read(database, start)
        await report_progress(quick, other.id, {})
        await quick.commit()
    rest = await read(database, shown.next)
    assert shown.events == []
    assert sorted(names(rest.events)) == sorted([(job.id, 2), (other.id, 2), (other.id, 3)])


async def test_a_rolled_back_transaction_hides_nothing_for_longer_than_it_lives(database: Database) -> None:
    async with database.engine.connect() as doomed:
        await add_job(doomed)
        kept = await new_job(database)
        assert (await read(database)).hidden
        await doomed.rollback()
    page = await read(database)
    assert names(page.events) == [(kept.id, 1)]


async def test_one_job_s_events_keep_their_order_though_the_later_transaction_began_first(database: Database) -> None:
    """As when a run writes its result and then waits for the job's row, which somebody else has just changed."""
    job, other = await new_job(database), await new_job(database)
    start = (await read(database)).next
    async with database.engine.connect() as elder, database.engine.connect() as younger:
        await report_progress(elder, other.id, {})
        await report_progress(younger, job.id, {})
        waiting = asyncio.create_task(report_progress(elder, job.id, {}))
        await until(lambda: _somebody_waits_for_a_lock(database))
        await younger.commit()
        await waiting
        await elder.commit()
    page = await read(database, start)
    assert [event.seq for event in page.events if event.job_id == job.id] == [2, 3]


async def _somebody_waits_for_a_lock(database: Database) -> bool:
    query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    return bool(await value(database, query))


async def test_what_hides_from_one_owner_is_not_reported_to_another(database: Database) -> None:
    async with database.engine.connect() as slow:
        await add_job(slow, owner="key:boris")
        assert not (await read(database)).hidden
        await slow.rollback()


async def test_pages_follow_one_another_without_gap_or_double(database: Database) -> None:
    async with database.transaction() as connection:
        made = [await add_job(connection) for _ in range(7)]
    seen, cursor = [], Cursor()
    for expected_more in (True, True, True, False):
        page = await read(database, cursor, limit=2)
        seen += names(page.events)
        cursor = parse_cursor(str(page.next))
        assert page.has_more is expected_more
    assert seen == [(job.id, 1) for job in made]
    assert (await read(database, cursor)).events == []


async def test_a_filter_moves_the_cursor_over_what_it_leaves_out(database: Database) -> None:
    job = await new_job(database)
    for _ in range(3):
        await progress(database, job.id)
    page = await read(database, types=["job.completed"])
    assert page.events == []
    assert page.next == (await read(database)).next
    await run_to_end(database, job.id)
    assert [event.type for event in (await read(database, page.next, types=["job.completed"])).events] == [
        "job.completed"
    ]


async def test_a_reader_may_begin_at_the_end(database: Database) -> None:
    async with database.statement() as connection:
        assert await feed.tail(connection, OWNER) == Cursor()
    await new_job(database)
    async with database.statement() as connection:
        end = await feed.tail(connection, OWNER)
    assert (await read(database, end)).events == []
    later = await new_job(database)
    assert names((await read(database, end)).events) == [(later.id, 1)]


async def test_another_owner_sees_nothing(database: Database) -> None:
    await new_job(database, owner="key:boris")
    page = await read(database)
    assert (page.events, page.next) == ([], Cursor())


async def test_the_jobs_come_with_their_events(database: Database) -> None:
    job = await new_job(database)
    await run_to_end(database, job.id)
    page = await read(database)
    async with database.statement() as connection:
        found = await feed.jobs_of(connection, page.events)
        assert await feed.jobs_of(connection, []) == {}
    assert list(found) == [job.id]
    assert found[job.id].status == "completed"


async def test_a_cursor_of_a_database_that_was_set_back_is_refused(database: Database) -> None:
    with pytest.raises(InvalidInput, match="restored from a backup"):
        await read(database, Cursor(2**62, 1))


@pytest.mark.parametrize("words", ["", "x", "1", "1-", "-1", "1-2-3", "1-2\n", "G-1", "f" * 17 + "-1", "f" * 16 + "-1"])
def test_a_cursor_that_is_none_of_ours_is_refused(words: str) -> None:
    with pytest.raises(InvalidInput, match="feed"):
        parse_cursor(words)


@pytest.mark.parametrize("words", ["", "-1", "1.5", "x", "9" * 10, "\u0661"])
def test_a_number_of_an_event_is_a_whole_number(words: str) -> None:
    with pytest.raises(InvalidInput, match="whole number"):
        parse_seq(words)


async def test_many_writers_and_a_reader_who_misses_nothing_and_sees_nothing_twice(database: Database) -> None:
    """Random transactions: some long, some undone, some on several jobs. The reader turns pages all the while."""
    chance = random.Random(20)
    jobs = [await new_job(database) for _ in range(6)]
    written: list[tuple[UUID, int]] = [(job.id, 1) for job in jobs]
    done = asyncio.Event()

    async def write(own: UUID) -> None:
        for _ in range(12):
            async with database.engine.connect() as connection:
                added = []
                for _ in range(chance.randint(1, 3)):
                    added.append((own, (await report_progress(connection, own, {})).event_seq))
                    await asyncio.sleep(chance.choice((0, 0, 0.001, 0.01)))
                if chance.random() < 0.2:
                    await connection.rollback()
                else:
                    await connection.commit()
                    written.extend(added)

    async def follow() -> list[tuple[UUID, int]]:
        seen, cursor = [], Cursor()
        while True:
            finished = done.is_set()
            page = await read(database, cursor, limit=chance.randint(1, 9))
            seen += names(page.events)
            cursor = page.next
            if finished and not page.has_more and not page.hidden:
                return seen

    reader = asyncio.create_task(follow())
    await asyncio.gather(*(write(job.id) for job in jobs))
    done.set()
    seen = await reader
    assert len(seen) == len(set(seen)), "an event was shown twice"
    assert set(seen) == set(written)
    for job in jobs:
        numbers = [seq for job_id, seq in seen if job_id == job.id]
        assert numbers == sorted(numbers), "one job's events came out of order"
