"""Sent anew on request: the same message, at once, and in its place."""

from jobs.db.session import Database
from jobs.webhooks.again import redeliver
from tests.jobs.webhooks.post import ANNA, EVERYTHING, Post, set_attempts


async def test_sent_anew_it_has_the_same_id_and_body_and_says_so(post: Post, database: Database) -> None:
    endpoint = await post.register()
    await post.whole_job()
    await post.run_tickets()
    [row] = await post.deliveries()
    async with database.transaction() as connection:
        await redeliver(connection, row["id"], endpoint.id, ANNA)
    await post.run_tickets()
    first, again = post.receiver.received
    assert (first.webhook_id, first.body) == (again.webhook_id, again.body)
    assert ("webhook-replay" in first.headers, again.headers["webhook-replay"]) == (False, "true")
    assert again.headers["webhook-attempt"] == "1"
    assert [each["number"] for each in await post.attempts(row["id"])] == [1, 2]


async def test_asked_for_one_that_waits_long_is_tried_at_once(post: Post, database: Database) -> None:
    endpoint = await post.register(events=EVERYTHING)
    post.receiver.do = "500"
    await post.whole_job()
    [(_, delivery)] = await post.tickets()
    await set_attempts(database, delivery, 5)
    await post.run_tickets()
    assert await post.tickets() == []
    post.receiver.do = "accept"
    async with database.transaction() as connection:
        await redeliver(connection, delivery, endpoint.id, ANNA)
    await post.run_tickets()
    assert await post.statuses() == ["sent"] * 3


async def test_an_old_one_sent_anew_goes_before_one_that_is_parked(post: Post, database: Database) -> None:
    """Its chain has come to rest until tomorrow; a person who mended the receiver does not wait for that."""
    endpoint = await post.register(events=["job.created", "job.completed"])
    job = await post.job()
    await post.run_tickets()
    await post.finish(await post.start(job))
    post.receiver.do = "500"
    [(_, parked)] = await post.tickets()
    await set_attempts(database, parked, 5)
    await post.run_tickets()
    post.receiver.do = "accept"
    old = (await post.deliveries())[0]["id"]
    async with database.transaction() as connection:
        await redeliver(connection, old, endpoint.id, ANNA)
    await post.run_tickets()
    assert await post.statuses() == ["sent", "sent"]
    assert post.types == ["job.created", "job.completed", "job.created", "job.completed"]
