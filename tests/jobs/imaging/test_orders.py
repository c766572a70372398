"""A picture ordered at Replicate, from the submission to the chat, with its calls back and without."""

import asyncio
import json
from collections.abc import AsyncIterator

import httpx
import pytest

from jobs.db.provider import provider_calls
from jobs.db.session import Database
from sandbox.llm.faults import CutOff, Hang, Refusal
from sandbox.replicate_state import Outcome
from tests.factories import execute, rows, value
from tests.jobs.guard.fleet import seen
from tests.jobs.imaging.studio import Studio, opened_studio


@pytest.fixture
async def studio(database: Database) -> AsyncIterator[Studio]:
    async with opened_studio(database) as opened:
        opened.replicate.studio.held = True
        yield opened


@pytest.fixture
async def silent(database: Database) -> AsyncIterator[Studio]:
    """Nobody can call us back."""
    async with opened_studio(database, pushes=False) as opened:
        yield opened


async def test_it_is_ordered_waited_for_without_holding_anything_and_fetched_when_replicate_calls(
    studio: Studio, database: Database
) -> None:
    made = await studio.order(persona="lina")
    assert made.queue == "image"
    await studio.work()
    [drawing] = studio.replicate.orders
    waiting = await studio.now(made)
    assert (waiting.status, waiting.run_token, waiting.attempt, waiting.failures) == ("processing", None, 0, 0)
    assert 60 < await studio.due_in(made) < 300, "a look only when the call is overdue"
    assert (await seen(database, "replicate")).in_flight == 0

    asked = studio.replicate.create.requests[0]
    assert asked.body["version"] == "sandbox/landscapes"
    assert asked.body["webhook_events_filter"] == ["completed"]
    assert asked.body["input"]["prompt"].startswith("a red fox. Natural light"), "the persona's style, as on a lane"
    assert "watermark" in asked.body["input"]["negative_prompt"]
    assert (asked.headers["cancel-after"], asked.headers.get("prefer")) == ("60s", None)
    [order] = await studio.orders()
    assert (order["prediction_id"], order["state"]) == (drawing.id, "placed")
    assert asked.body["webhook"].endswith(f"?order={order['id']}")

    studio.replicate.studio.end(drawing)
    assert await studio.call(drawing, webhook_id="msg_1") == 200
    assert await studio.due_in(made) < 0
    await studio.work()
    done = await studio.now(made)
    assert done.status == "completed"
    assert done.result is not None
    assert (done.result["content_type"], done.result["seed"], done.result["cached"]) == ("image/png", 7, False)
    assert done.usage["provider_seconds"] == 1.25
    [media] = await rows(database, "SELECT * FROM media")
    assert studio.replicate.files.requests[0].headers["authorization"].startswith("Bearer ")
    assert (await studio.resources.media.get(media["key"]))[:4] == b"\x89PNG"
    said = await rows(database, "SELECT payload->>'method' AS method FROM deliveries ORDER BY id")
    told = [each["method"] for each in said]
    assert told == ["sendMessage", "deleteMessage", "sendPhoto"], "nobody waits without a word, or without a way out"

    for webhook_id in ("msg_1", "msg_2"):
        assert await studio.call(drawing, webhook_id=webhook_id) == 200, "told again, and again in other words"
    again = await studio.order(persona="lina")
    await studio.work()
    assert ((await studio.now(again)).result or {})["cached"] is True
    assert len(studio.replicate.orders) == 1
    async with database.transaction() as connection:
        calls = await provider_calls.page(connection, 10)
    assert [(call.provider, call.sort, call.outcome, call.status_code) for call in calls] == [
        ("replicate", "image", "success", 200)
    ] * 2
    assert calls[0].request_id == drawing.id
    assert (await studio.orders())[0]["outcome"] == "completed"


async def test_without_a_public_address_the_order_is_held_open_and_then_looked_at(
    silent: Studio, database: Database
) -> None:
    quick = await silent.order()
    await silent.work()
    assert (await silent.now(quick)).status == "completed", "in one run"
    asked = silent.replicate.create.requests[0]
    assert (asked.headers["prefer"], "webhook" in asked.body) == ("wait=60", False)

    silent.replicate.studio.held = True
    silent.resources.image_providers[0].held_seconds = 0  # type: ignore[attr-defined]  # it is Replicate
    slow = await silent.order(seed=8)
    await silent.work()
    for _ in range(3):
        assert 0 < await silent.due_in(slow) < 10
        await silent.later()
        await silent.work()
    waiting = await silent.now(slow)
    assert (waiting.status, waiting.attempt, waiting.failures) == ("processing", 0, 0)
    silent.replicate.studio.end(silent.replicate.orders[-1])
    await silent.later()
    await silent.work()
    assert (await silent.now(slow)).status == "completed"
    assert len(silent.replicate.orders) == 2


async def test_what_was_ordered_once_is_not_ordered_twice(silent: Studio, studio: Studio) -> None:
    """The answer to an order got lost: as after a crash between the order and its entry."""
    for opened in (silent, studio):
        opened.replicate.create.order(CutOff())
        made = await opened.order()
        await opened.work()
        assert (await opened.now(made)).failures == 0
        assert [each["state"] for each in await opened.orders()][-1] == "placing"
        assert len(opened.replicate.orders) == 1
        await opened.work()
        drawing = opened.replicate.orders[0]
        opened.replicate.studio.end(drawing)
        await opened.later()
        await opened.work()
        assert (await opened.now(made)).status == "completed"
        assert len(opened.replicate.orders) == 1
        await execute(opened.database, "DELETE FROM media")


async def test_a_call_that_comes_before_the_answer_to_the_order_is_heard(studio: Studio) -> None:
    """The run that placed it is still under way, and has no ticket yet that could be brought forward."""
    studio.replicate.answers.clear()
    made = await studio.order()
    run = asyncio.create_task(studio.work())
    await studio.replicate.taken.wait()
    [drawing] = studio.replicate.orders
    studio.replicate.studio.end(drawing)
    assert await studio.call(drawing) == 200
    # as another of their machines may still say
    drawing.status = "processing"
    studio.replicate.answers.set()
    await run
    assert len(studio.replicate.look.requests) == 1, "at once, and not again and again"
    assert 0 < await studio.due_in(made) < 10
    drawing.status = "succeeded"
    await studio.later()
    await studio.work()
    assert (await studio.now(made)).status == "completed"
    assert len(studio.replicate.orders) == 1


async def test_a_call_tells_the_name_of_an_order_whose_answer_was_lost(studio: Studio) -> None:
    studio.replicate.create.order(CutOff())
    made = await studio.order()
    await studio.work()
    [drawing] = studio.replicate.orders
    studio.replicate.studio.end(drawing)
    assert await studio.call(drawing) == 200
    assert await studio.due_in(made) < 0
    await studio.work()
    assert (await studio.now(made)).status == "completed"
    assert (len(studio.replicate.orders), len(studio.replicate.listing.requests)) == (1, 0)


async def test_an_order_that_never_arrived_is_placed_anew(silent: Studio) -> None:
    silent.resources.image_providers[0].answer_seconds = 0.2  # type: ignore[attr-defined]  # it is Replicate
    silent.resources.image_providers[0].held_seconds = 0  # type: ignore[attr-defined]
    silent.replicate.create.order(Hang())
    made = await silent.order()
    await silent.work()
    silent.resources.image_providers[0].answer_seconds = 10  # type: ignore[attr-defined]
    for _ in range(4):
        await silent.later()
        await silent.work()
    assert (await silent.now(made)).status == "completed"
    assert len(silent.replicate.orders) == 1
    assert [each["outcome"] for each in await silent.orders()] == ["not_taken", "completed"]


async def test_another_orders_picture_is_not_taken_for_the_lost_one(silent: Studio) -> None:
    """Two people ask for the same at the same time; only the first order has arrived."""
    silent.replicate.studio.held = True
    provider = silent.resources.image_providers[0]
    provider.held_seconds = 0  # type: ignore[attr-defined]  # it is Replicate
    first = await silent.order()
    await silent.work()
    provider.answer_seconds = 0.2  # type: ignore[attr-defined]
    silent.replicate.create.order(Hang())
    second = await silent.order(owner="telegram:8")
    await silent.work()
    provider.answer_seconds = 10  # type: ignore[attr-defined]
    for _ in range(3):
        await silent.later()
        await silent.work()
    found = {each["job_id"]: each["prediction_id"] for each in await silent.orders()}
    assert found == {first.id: silent.replicate.orders[0].id, second.id: silent.replicate.orders[1].id}


async def test_cancelling_a_job_cancels_what_was_ordered_for_it(studio: Studio) -> None:
    """Also when nobody knows yet under which name."""
    known = await studio.order()
    await studio.work()
    studio.replicate.create.order(CutOff())
    lost = await studio.order(seed=8)
    await studio.work()
    for made in (known, lost):
        async with studio.database.transaction() as connection:
            now = await studio.resources.intake.cancel(connection, made.id, made.owner)
        assert now.status == "cancelled", "without waiting for anybody"
    studio.replicate.cancel.order(Refusal(503, {"detail": "busy"}))
    for _ in range(3):
        await studio.work()
        await studio.later()
    assert [each.status for each in studio.replicate.orders] == ["canceled", "canceled"]
    assert [each["outcome"] for each in await studio.orders()] == ["cancelled", "cancelled"]
    assert await rows(studio.database, "SELECT 1 FROM procrastinate_jobs WHERE queue_name = 'image'") == []
    assert await studio.call(studio.replicate.orders[0]) == 200


ENDS = (
    (Outcome("failed", "NSFW content detected. Try running it again."), "content_blocked"),
    (Outcome("failed", "CUDA out of memory (E1001)"), "image_drawing_failed"),
    (Outcome("failed", "The width is not a multiple of 64"), "image_drawing_failed"),
    (Outcome("aborted"), "image_drawing_failed"),
    (Outcome(output={"images": [], "seed": 3}), "image_invalid_output"),
    (Outcome(output="http://169.254.169.254/secret.png"), "misconfigured"),
)


async def test_how_orders_fail(silent: Studio) -> None:
    for seed, (outcome, code) in enumerate(ENDS):
        silent.replicate.studio.next_outcome = outcome
        placed = len(silent.replicate.orders)
        made = await silent.order(seed=seed)
        for _ in range(5):
            await silent.work()
            await silent.later()
            await execute(silent.database, "UPDATE providers SET open_until = NULL, failures = 0")
        ended = await silent.now(made)
        assert ended.status == "failed", outcome
        assert (ended.error or {})["code"] == code, outcome
        tries = 1 if code in ("content_blocked", "misconfigured") else 4
        assert len(silent.replicate.orders) == placed + tries, outcome
        assert "r8_" not in json.dumps(ended.error)
    failures = "SELECT count(*) FROM provider_calls WHERE outcome = '{}'"
    assert await value(silent.database, failures.format("content_blocked")) == 1
    assert await value(silent.database, failures.format("transient")) == 8, "what their machines could not do"


async def test_a_picture_may_come_in_any_form(silent: Studio) -> None:
    pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    for seed, output in enumerate(({"image": f"data:image/png;base64,{pixel}"}, f"data:image/png;base64,{pixel}")):
        silent.replicate.studio.next_outcome = Outcome(output=output)
        made = await silent.order(seed=seed)
        await silent.work()
        assert (await silent.now(made)).status == "completed"
    assert silent.replicate.files.requests == []


async def test_a_picture_whose_fetching_fails_is_fetched_again_and_not_drawn_again(silent: Studio) -> None:
    silent.replicate.files.order(CutOff(), Refusal(503, ""), Refusal(302, "", {"Location": "/files/elsewhere.png"}))
    made = await silent.order()
    for _ in range(2):
        await silent.work()
        await silent.later()
        waiting = await silent.now(made)
        assert (waiting.status, waiting.failures) == ("processing", 0)
    assert len(silent.replicate.orders) == 1


async def test_a_picture_that_nobody_fetched_within_an_hour_is_drawn_again(studio: Studio) -> None:
    made = await studio.order()
    await studio.work()
    [drawing] = studio.replicate.orders
    studio.replicate.studio.end(drawing)
    drawing.removed = True
    await studio.later()
    await studio.work()
    await studio.later()
    await studio.work()
    assert len(studio.replicate.orders) == 2
    assert (await studio.now(made)).failures == 1


async def test_calls_that_are_not_replicates_change_nothing(studio: Studio) -> None:
    drawing_url = f"{studio.door}/callbacks/replicate"
    async with httpx.AsyncClient(trust_env=False) as client:
        body = b'{"id": "abc", "status": "succeeded"}'
        signed = studio.replicate.calls.signed(body, "msg_0")
        early = await client.post(drawing_url, content=body, headers=signed)
        assert (early.status_code, early.headers["retry-after"]) == (503, "10"), "nobody has asked for the secret yet"

        made = await studio.order()
        await studio.work()
        [drawing] = studio.replicate.orders
        before = await studio.due_in(made)
        assert await studio.call(drawing, secret="whsec_" + "A" * 32) == 401
        assert await studio.call(drawing, at=1_700_000_000) == 401
        changed = await client.post(drawing.body["webhook"], content=body.replace(b"abc", b"abd"), headers=signed)
        assert changed.status_code == 401
        assert (await client.post(drawing_url, content=body)).status_code == 401
        assert (await client.post(drawing_url, content=b"x" * 5_000_001, headers=signed)).status_code == 413
        for odd in (b"[]", b"{}", b"not json", b'{"id": "a\\u0000"}', b"[" * 100_000):
            headers = studio.replicate.calls.signed(odd, f"msg_{len(odd)}")
            assert (await client.post(drawing.body["webhook"], content=odd, headers=headers)).status_code == 400
        for unknown in (drawing_url, f"{drawing_url}?order=5", f"{drawing_url}?order={made.id}"):
            headers = studio.replicate.calls.signed(body, f"msg_{len(unknown)}")
            assert (await client.post(unknown, content=body, headers=headers)).status_code == 200
        other = studio.replicate.calls.signed(body, "msg_other")
        assert (await client.post(drawing.body["webhook"], content=body, headers=other)).status_code == 200
    assert await studio.due_in(made) == pytest.approx(before, abs=30)
    assert [each["called_at"] for each in await studio.orders()] == [None], "another prediction is not this order's"
