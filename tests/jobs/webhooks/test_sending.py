"""The whole way of a webhook: signed, in order, tried again, and the same message whatever happens."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from jobs.db.session import Database
from jobs.deliver import deliver
from jobs.errors import Misconfigured, TemporaryError
from jobs.signatures import NotVerified, verify
from jobs.webhooks import care, endpoints
from jobs.webhooks.schedule import WAITS
from tests.factories import execute, worker
from tests.jobs.webhooks.post import ANNA, EVERYTHING, Post, set_attempts


async def test_a_finished_job_arrives_signed(post: Post) -> None:
    endpoint = await post.register()
    post.receiver.secrets = [endpoint.secrets[0]["secret"]]
    job = await post.whole_job()
    await post.run_tickets()
    [received] = post.receiver.received
    assert (received.verified, received.problem) == ("v1", None)
    assert received.event["data"]["id"] == str(job.id)
    assert verify(received.headers, received.body, public_keys=[post.sending.keys[0].public]) == "v1a"
    [row] = await post.deliveries()
    [attempt] = await post.attempts(row["id"])
    assert (row["status"], row["attempt"], row["body"]) == ("sent", 1, received.body)
    assert (attempt["outcome"], attempt["status_code"], attempt["error"]) == ("sent", 204, None)
    assert attempt["latency_ms"] is not None
    assert await post.tickets() == []


async def test_a_second_ticket_sends_nothing(post: Post) -> None:
    await post.register()
    await post.whole_job()
    [(_, delivery)] = await post.tickets()
    await post.run_tickets()
    await deliver(post.resources, delivery)
    assert len(post.receiver.received) == 1


async def test_the_events_of_a_job_arrive_in_order(post: Post) -> None:
    await post.register(events=EVERYTHING)
    await post.whole_job()
    await post.run_tickets()
    assert post.types == ["job.created", "job.started", "job.completed"]
    assert [(each["seq"], each["prev_seq"]) for each in (r.event["data"] for r in post.receiver.received)] == [
        (1, None), (2, 1), (3, 2)
    ]  # fmt: skip


async def test_a_receiver_that_was_down_gets_everything_in_order_with_the_same_bytes(post: Post) -> None:
    endpoint = await post.register(events=EVERYTHING)
    post.receiver.do = "503"
    await post.whole_job()
    await post.run_tickets()
    assert len(post.receiver.received) == 1, "what follows waits for the first"
    assert 5 <= post.waits[0] <= 5.5
    post.receiver.do = "accept"
    await post.run_tickets()
    first, again, *others = post.receiver.received
    assert (first.body, first.webhook_id) == (again.body, again.webhook_id)
    assert [each.headers["webhook-attempt"] for each in (first, again)] == ["1", "2"]
    assert [each.event["type"] for each in others] == ["job.started", "job.completed"]
    assert await post.statuses() == ["sent"] * 3
    assert (await post.endpoint(endpoint))["failures"] == 0


async def test_the_log_says_what_the_receiver_said(post: Post) -> None:
    await post.register()
    post.receiver.do, post.receiver.headers = "301", {"location": "https://elsewhere.example/"}
    await post.whole_job()
    await post.run_tickets()
    [row] = await post.deliveries()
    [attempt] = await post.attempts(row["id"])
    assert (attempt["outcome"], attempt["status_code"], attempt["error"]["code"]) == ("not_sent", 301, "redirect")
    assert "https://elsewhere.example/" in row["error"]["detail"]
    assert datetime.fromisoformat(row["error"]["retry_at"]) > datetime.now(UTC)


async def test_every_attempt_is_signed_at_its_own_moment(post: Post) -> None:
    endpoint = await post.register()
    post.receiver.script = ["500"]
    await post.whole_job()
    await post.run_tickets()
    [first] = post.receiver.received
    later = datetime.now(UTC) + timedelta(hours=3)
    with pytest.raises(NotVerified, match="ago"):
        verify(first.headers, first.body, secrets=endpoint.secrets_at(later), now=later)


async def test_a_long_wait_leaves_the_queue_and_comes_back_in_time(post: Post, database: Database) -> None:
    await post.register()
    post.receiver.do = "500"
    await post.whole_job()
    [(_, delivery)] = await post.tickets()
    await set_attempts(database, delivery, 3)
    await post.run_tickets()
    assert (await post.tickets(), post.waits) == ([], [])
    [row] = await post.deliveries()
    wait = (row["next_attempt_at"] - datetime.now(UTC)).total_seconds()
    assert WAITS[4] * 0.9 < wait < WAITS[4] * 1.1
    assert await care.enqueue_due(database) == 0
    post.receiver.do = "accept"
    await post.let_time_pass(hours=1)
    assert await care.enqueue_due(database) == 1
    assert await care.enqueue_due(database) == 0, "one is given one ticket"
    await post.run_tickets()
    assert await post.statuses() == ["sent"]


async def test_after_the_last_try_it_fails_and_the_next_one_goes(post: Post, database: Database) -> None:
    await post.register(events=EVERYTHING)
    post.receiver.script = ["500"]
    await post.whole_job()
    [(_, delivery)] = await post.tickets()
    await set_attempts(database, delivery, len(WAITS) - 1)
    await post.run_tickets()
    assert await post.statuses() == ["failed", "sent", "sent"]


async def test_a_wish_of_the_receiver_is_honoured(post: Post) -> None:
    await post.register()
    post.receiver.do, post.receiver.headers = "429", {"retry-after": "40"}
    await post.whole_job()
    await post.run_tickets()
    assert post.waits == [40]


async def test_cut_off_between_sending_and_writing_it_down_the_same_message_goes_again(
    post: Post, database: Database
) -> None:
    endpoint = await post.register()
    await post.whole_job()
    [(_, delivery)] = await post.tickets()
    answered = asyncio.Event()
    post.receiver.on_received = lambda received: answered.set()
    post.receiver.do = "hang"
    running = asyncio.create_task(deliver(post.resources, delivery))
    await answered.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert await post.statuses() == ["sending"]
    with pytest.raises(TemporaryError) as early:
        await deliver(post.resources, delivery)
    assert 0 < (early.value.retry_in or 0) <= 20, "as long as the other one may be alive it has the turn"
    assert len(post.receiver.received) == 1
    post.receiver.do = "accept"
    await post.let_time_pass(hours=0.1)
    await post.run_tickets()
    first, again = post.receiver.received
    assert (first.webhook_id, first.body) == (again.webhook_id, again.body)
    assert await post.statuses() == ["sent"]
    cut_off, sent = await post.attempts(delivery)
    assert [(each["number"], each["outcome"]) for each in (cut_off, sent)] == [(1, "unknown"), (2, "sent")]
    assert "stopped" in cut_off["error"]["detail"]
    assert post.sending.windows.room(endpoint.id)


async def test_a_run_that_lost_its_delivery_writes_nothing(post: Post, database: Database) -> None:
    await post.register()
    await post.whole_job()
    [(_, delivery)] = await post.tickets()

    post.receiver.do = "hang"
    arrived = asyncio.Event()
    post.receiver.on_received = lambda received: arrived.set()
    late = asyncio.create_task(deliver(post.resources, delivery))
    await arrived.wait()
    await execute(database, "UPDATE deliveries SET attempt = attempt + 1, sending_at = now()")
    post.receiver.release()
    await late
    assert await post.statuses() == ["sending"]
    assert await post.attempts(delivery) == []


async def test_a_gone_endpoint_is_disabled_and_what_comes_is_held(post: Post) -> None:
    endpoint = await post.register()
    post.receiver.do = "410"
    await post.whole_job()
    await post.run_tickets()
    await post.whole_job()
    assert (await post.endpoint(endpoint))["disabled_reason"] == "It answered 410 Gone."
    assert (await post.statuses(), await post.tickets()) == (["held", "held"], [])
    post.receiver.do = "accept"
    await post.change(endpoint, disabled=False)
    await post.run_tickets()
    assert await post.statuses() == ["sent", "sent"]
    refused, again, _ = post.receiver.received
    assert refused.webhook_id == again.webhook_id


async def test_what_a_disabled_endpoint_missed_is_drained_in_order(post: Post) -> None:
    endpoint = await post.register(events=EVERYTHING)
    await post.change(endpoint, disabled=True)
    jobs = [await post.whole_job() for _ in range(7)]
    await post.run_tickets()
    assert post.receiver.received == []
    assert await post.statuses() == ["held"] * 21
    await post.change(endpoint, disabled=False)
    assert 1 <= len(await post.tickets()) <= 4, "the receiver is not flooded"
    await post.run_tickets()
    assert await post.statuses() == ["sent"] * 21
    seen = [(each.event["data"]["id"], each.event["data"]["seq"]) for each in post.receiver.received]
    for job in jobs:
        assert [seq for job_id, seq in seen if job_id == str(job.id)] == [1, 2, 3]


async def test_disabling_holds_what_is_on_its_way_and_a_late_ticket_sends_nothing(post: Post) -> None:
    endpoint = await post.register(events=EVERYTHING)
    await post.whole_job()
    await post.change(endpoint, disabled=True)
    await post.run_tickets()
    assert (post.receiver.received, await post.statuses()) == ([], ["held"] * 3)
    await post.change(endpoint, disabled=False)
    await post.run_tickets()
    assert post.types == ["job.created", "job.started", "job.completed"]


async def test_disabled_and_enabled_while_a_ticket_waits_nothing_arrives_twice(post: Post) -> None:
    endpoint = await post.register(events=EVERYTHING)
    await post.whole_job()
    await post.change(endpoint, disabled=True)
    await post.change(endpoint, disabled=False)
    assert len(await post.tickets()) == 2, "the old ticket and a new one"
    await post.run_tickets()
    assert post.types == ["job.created", "job.started", "job.completed"]


async def test_an_endpoint_that_takes_nothing_for_days_is_disabled_with_notice(post: Post, database: Database) -> None:
    failing = await post.register("failing")
    witness = await post.register("witness", events=["endpoint.failing"])
    await post.register("others", owner="account:boris")
    post.receiver.do = "500"
    await execute(
        database,
        "UPDATE webhook_endpoints SET failures = 20, failing_since = now() - interval '61 hours'"
        f" WHERE id = '{failing.id}'",
    )
    await post.whole_job()
    [(_, delivery)] = await post.tickets()
    post.receiver.script = ["500"]
    post.receiver.do = "accept"
    await post.run_tickets()
    [notice] = [each.event["data"] for each in post.receiver.received if each.path == "/witness"]
    assert (notice["endpoint_id"], notice["percent"], notice["disabled"]) == (str(failing.id), 50, False)
    assert await post.statuses(failing) == ["pending"]

    await post.let_time_pass(hours=60)
    post.receiver.script = ["500"]
    await execute(database, f"UPDATE deliveries SET attempt = 4 WHERE id = {delivery}")
    await post.run_tickets()
    row = await post.endpoint(failing)
    assert row["disabled_reason"] == "Nothing was received for 5 days."
    assert await post.statuses(failing) == ["held"]
    notices = [each.event["data"] for each in post.receiver.received if each.path == "/witness"]
    assert [(each["percent"], each["disabled"]) for each in notices] == [(50, False), (100, True)]
    assert len(await post.deliveries(witness)) == 2


async def test_a_notice_is_given_once(post: Post, database: Database) -> None:
    failing, witness = await post.register("failing"), await post.register("witness")
    post.receiver.do = "500"
    await execute(
        database,
        "UPDATE webhook_endpoints SET failures = 20, failing_since = now() - interval '61 hours'"
        f" WHERE id = '{failing.id}'",
    )
    for _ in range(3):
        async with database.transaction() as connection:
            await endpoints.send_test(connection, ANNA, failing.id)
        await post.run_tickets()
    assert [row["event_type"] for row in await post.deliveries(witness)] == ["endpoint.failing"]


async def test_a_deleted_endpoint_ends_what_was_meant_for_it(post: Post, database: Database) -> None:
    endpoint = await post.register(events=EVERYTHING)
    await post.whole_job()
    async with database.transaction() as connection:
        await endpoints.remove(connection, ANNA, endpoint.id)
    await post.run_tickets()
    assert (post.receiver.received, await post.statuses()) == ([], ["failed"] * 3)


async def test_during_a_rotation_both_secrets_sign(post: Post) -> None:
    endpoint = await post.register()
    async with post.database.transaction() as connection:
        rotated = await endpoints.rotate(connection, ANNA, endpoint.id, None)
    await post.whole_job()
    await post.run_tickets()
    [received] = post.receiver.received
    for each in (endpoint, rotated):
        assert verify(received.headers, received.body, secrets=[each.secrets[0]["secret"]]) == "v1"
    later = datetime.now(UTC) + timedelta(hours=25)
    assert rotated.secrets_at(later) == [rotated.secrets[0]["secret"]]


async def test_one_that_hangs_takes_one_place_and_the_others_go_on(post: Post) -> None:
    hanging = await post.register("hanging")
    for _ in range(3):
        await post.whole_job()
    other = await post.register("other", owner="account:boris")
    await post.whole_job(owner="account:boris")
    post.receiver.script = ["hang"]
    tickets = await post.tickets()
    arrived = asyncio.Event()
    post.receiver.on_received = lambda received: arrived.set()
    stuck = asyncio.create_task(deliver(post.resources, tickets[0][1]))
    await arrived.wait()
    for _, delivery in tickets[1:]:
        await deliver(post.resources, delivery)
    assert await post.statuses(hanging) == ["sending", "pending", "pending"]
    assert await post.statuses(other) == ["sent"]
    assert len([row for row in await post.deliveries(hanging) if row["next_attempt_at"]]) == 2
    post.receiver.release()
    await stuck
    await execute(post.database, f"DELETE FROM procrastinate_jobs WHERE id <= {tickets[-1][0]}")
    await post.run_tickets()
    assert await post.statuses(hanging) == ["sent"] * 3


async def test_of_a_large_backlog_the_care_gives_few_tickets_to_each(post: Post, database: Database) -> None:
    for path in ("a", "b"):
        await post.register(path)
    for _ in range(12):
        await post.whole_job()
    await execute(
        database, "DELETE FROM procrastinate_jobs", "UPDATE deliveries SET next_attempt_at = now() - interval '1 s'"
    )
    assert await care.enqueue_due(database) == 8
    await post.run_tickets()
    assert await post.statuses() == ["sent"] * 24


async def test_a_worker_without_a_sender_leaves_it_for_one_that_has(post: Post, database: Database) -> None:
    await post.register()
    await post.whole_job()
    [(_, delivery)] = await post.tickets()
    async with worker(database) as resources:
        with pytest.raises(Misconfigured, match="webhooks"):
            await deliver(resources, delivery)
    assert await post.statuses() == ["pending"]
