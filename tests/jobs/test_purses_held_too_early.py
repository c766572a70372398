"""A person blocks the bot, which gives up all that they wait for, while one of these jobs ends otherwise."""

import asyncio

from jobs import blocking
from jobs.companion.wallet.accounts import Wallet
from jobs.db.session import Database
from jobs.db.work import jobs as job_rows
from jobs.settings import EconomySettings
from jobs.trees.keeping import too_late
from tests.factories import USER, add_user, all_jobs, submit, value, worker

WAITS = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"


async def test_who_blocked_the_bot_and_whose_job_expired_waited_for_each_other(database: Database) -> None:
    async with worker(database) as resources:
        intake = resources.intake
        intake.wallet = Wallet(EconomySettings(diamonds_start=100, price_picture=10, _env_file=None))
        async with database.transaction() as connection:
            await add_user(connection)
        made = [await submit(resources, "generate_image", {"prompt": "a fox"}) for _ in range(5)]
        last = max(made, key=lambda each: each.id)

        async def block() -> None:
            async with database.transaction() as connection:
                await blocking.block(connection, intake, USER)

        async with database.transaction() as connection:
            expired = await job_rows.expire(connection, last.id, too_late().as_json(), 3600)
            assert expired is not None
            blocking_now = asyncio.create_task(block())
            while not await value(database, WAITS):  # noqa: ASYNC110 - another session waits there
                await asyncio.sleep(0.01)
            # the purse is free: whoever waits for the job has not taken it
            await asyncio.wait_for(intake.wallet.refund_job(connection, expired), 10)
        await blocking_now
        ends = {each.id: each.status for each in await all_jobs(database)}
        async with database.transaction() as connection:
            assert (await intake.wallet.standing(connection, USER, "diamonds")).balance == 100
    assert ends == {each.id: "expired" if each is last else "cancelled" for each in made}
