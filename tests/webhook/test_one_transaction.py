"""One update, one transaction: everything that it caused is there, or nothing."""

import asyncio

from sqlalchemy import text

from jobs.db.session import Database
from jobs.settings import DatabaseSettings
from tests.factories import (
    BOT_ID,
    NOWHERE,
    USER,
    Door,
    all_jobs,
    execute,
    opened_door,
    refuse_words,
    rows,
    tickets,
    value,
)

OURS = ("telegram_updates", "telegram_users", "dialogs", "chat_messages", "jobs", "deliveries", "procrastinate_jobs")


async def counts(database: Database) -> dict[str, int]:
    return {table: await value(database, f"SELECT count(*) FROM {table}") for table in OURS}


async def test_a_message_becomes_a_job_and_its_ticket(door: Door, database: Database) -> None:
    assert (await door.says("Hello")).status_code == 200
    [job] = await all_jobs(database)
    [ticket] = await tickets(database)
    assert (job.kind, job.status, job.queue, job.owner) == ("generate_reply", "pending", "llm", f"telegram:{USER}")
    assert job.ticket_id == ticket["id"]
    assert (ticket["queue_name"], ticket["task_name"], ticket["args"]) == ("llm", "run_job", {"job_id": str(job.id)})
    assert job.priority == 10


async def test_the_same_update_again_changes_nothing(door: Door, database: Database) -> None:
    update = door.text("Hello")
    first = await door.post(update)
    before = await counts(database)
    again = await door.post(update)
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.content == b"", "the chat shows nothing for an update that was taken before"
    assert await counts(database) == before


async def test_the_same_update_twice_in_parallel_makes_one_job(door: Door, database: Database) -> None:
    update = door.text("Hello")
    answers = await asyncio.gather(*(door.post(update) for _ in range(8)))
    assert {answer.status_code for answer in answers} == {200}
    assert len(await all_jobs(database)) == len(await tickets(database)) == 1
    assert await value(database, "SELECT count(*) FROM chat_messages") == 1


async def test_two_updates_of_one_person_are_handled_one_after_the_other(door: Door, database: Database) -> None:
    await door.says("/start")
    words = [f"message {number}" for number in range(6)]
    answers = await asyncio.gather(*(door.says(each) for each in words))
    assert {answer.status_code for answer in answers} == {200}
    assert len(await all_jobs(database)) == 1, "six messages that came together are answered together"
    stored = await rows(database, "SELECT content FROM chat_messages")
    assert sorted(row["content"] for row in stored) == words
    assert await value(database, "SELECT message_count FROM dialogs") == 6


async def test_the_first_two_updates_of_a_new_person_open_one_dialog(door: Door, database: Database) -> None:
    await asyncio.gather(door.says("One"), door.says("Two"))
    assert await value(database, "SELECT count(*) FROM dialogs") == 1
    assert len(await all_jobs(database)) == 1


async def test_the_second_update_waits_until_the_first_has_committed(door: Door, database: Database) -> None:
    await door.says("/start")
    async with database.transaction() as connection:
        await connection.execute(text("SELECT 1 FROM telegram_users WHERE user_id = :id FOR UPDATE"), {"id": USER})
        other = asyncio.create_task(door.says("Hello"))
        stranger = await door.says("Hello", user=8)
        assert stranger.status_code == 200, "another person's chat goes on"
        assert not other.done()
    assert (await other).status_code == 200


async def test_an_error_undoes_everything_and_asks_telegram_to_come_again(door: Door, database: Database) -> None:
    await refuse_words(database, "boom")
    answer = await door.says("boom")
    assert answer.status_code == 503
    assert 1 <= int(answer.headers["Retry-After"]) <= 30
    assert answer.content == b""
    assert set((await counts(database)).values()) == {0}
    [failure] = await rows(database, "SELECT * FROM failed_updates")
    assert (failure["bot_id"], failure["tries"], failure["dead_at"]) == (BOT_ID, 1, None)
    assert "refused" in failure["error"]


async def test_the_update_works_once_its_cause_is_gone(door: Door, database: Database) -> None:
    await refuse_words(database, "boom")
    update = door.text("boom")
    assert (await door.post(update)).status_code == 503
    await execute(database, "DROP TRIGGER refuse ON chat_messages")
    assert (await door.post(update)).status_code == 200
    assert len(await all_jobs(database)) == 1


async def test_without_a_database_telegram_shall_come_again() -> None:
    async with opened_door(NOWHERE) as door:
        answer = await door.says("Hello")
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) >= 1


async def test_a_database_that_is_not_there_is_the_same(database_url: str) -> None:
    """PostgreSQL answers, but with an error of its own instead of a refused connection."""
    async with opened_door(database_url + "_gone") as door:
        assert (await door.says("Hello")).status_code == 503


async def test_the_door_comes_back_after_its_connections_were_cut(door: Door, database: Database) -> None:
    await door.says("One")
    await execute(
        database,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )
    update = door.text("Two")
    answers = [(await door.post(update)).status_code for _ in range(2)]
    assert answers[-1] == 200, "at most one update meets the dead connections"
    assert await value(database, "SELECT count(*) FROM chat_messages") == 2


async def test_a_rollback_of_the_callers_transaction_leaves_no_update(database_url: str, database: Database) -> None:
    """A crash between the last statement and the commit, as the end of the connection."""
    other = Database(DatabaseSettings(database_url=database_url, _env_file=None))
    async with opened_door(database_url) as door:
        await door.says("/start")
        async with other.transaction() as connection:
            await connection.execute(text("SELECT 1 FROM telegram_users FOR UPDATE"))
            held = asyncio.create_task(door.says("Hello"))
            waiting = "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
            while not (found := await rows(database, waiting)):  # noqa: ASYNC110 - the database tells nobody
                await asyncio.sleep(0.01)
            await execute(database, f"SELECT pg_terminate_backend({found[0]['pid']})")
            # its connection is gone, so it asks for another one and says "again"
            assert (await held).status_code == 503
    await other.aclose()
    assert await all_jobs(database) == []
    assert await tickets(database) == [each for each in await tickets(database) if each["task_name"] == "deliver"]
