"""getUpdates: waiting, confirming, conflicts."""

import asyncio

from sandbox.bot_api.rehearsal import rehearsal


async def test_a_poll_waits_for_an_update_and_the_offset_confirms_it() -> None:
    async with rehearsal() as stage:
        user = await stage.user()
        polling = asyncio.create_task(stage.call("getUpdates", timeout=20))
        await asyncio.sleep(0.05)
        await stage.says(user, "one")
        [first] = await polling
        await stage.says(user, "two")
        again = await stage.call("getUpdates")
        rest = await stage.call("getUpdates", offset=first["update_id"] + 1, limit=1)
        empty = await stage.call("getUpdates", offset=rest[-1]["update_id"] + 1)
    assert first["message"]["text"] == "one"
    assert [update["message"]["text"] for update in again] == ["one", "two"]
    assert [update["message"]["text"] for update in rest] == ["two"]
    assert empty == []


async def test_a_negative_offset_keeps_the_newest() -> None:
    async with rehearsal() as stage:
        user = await stage.user()
        for text in ("one", "two", "three"):
            await stage.says(user, text)
        [last] = await stage.call("getUpdates", offset=-1)
        left = await stage.control("GET", "updates?state=pending")
    assert last["message"]["text"] == "three"
    assert [update["update_id"] for update in left] == [last["update_id"]]


async def test_polls_conflict_with_each_other_and_with_a_webhook() -> None:
    async with rehearsal() as stage:
        first = asyncio.create_task(stage.refusal("getUpdates", timeout=20))
        await asyncio.sleep(0.05)
        second = asyncio.create_task(stage.refusal("getUpdates", timeout=20))
        terminated = await first
        await stage.set_webhook()
        by_webhook = await second
        active = await stage.refusal("getUpdates")
    assert terminated == (
        409,
        "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running",
    )
    assert by_webhook == (409, "Conflict: terminated by setWebhook request")
    assert active == (
        409,
        "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first",
    )
