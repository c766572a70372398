"""Runs of which there are hundreds take turns in their worker, but not while they wait for a provider."""

import asyncio

import pytest

from jobs.guard.turnstile import Passage, Turnstile


async def test_only_so_many_are_at_work_and_who_waits_for_a_provider_lets_others_be() -> None:
    turnstile = Turnstile(at_work=2)
    all_asked, answered = asyncio.Event(), asyncio.Event()
    at_work, most, asked = 0, 0, 0

    async def work() -> None:
        nonlocal at_work, most
        at_work += 1
        most = max(most, at_work)
        await asyncio.sleep(0)
        at_work -= 1

    async def step() -> None:
        nonlocal asked
        async with turnstile.passage() as passage:
            await work()
            async with passage.aside():
                asked += 1
                if asked == 20:
                    all_asked.set()
                await answered.wait()
            await work()

    steps = [asyncio.create_task(step()) for _ in range(20)]
    await all_asked.wait()
    answered.set()
    await asyncio.gather(*steps)
    assert (most, asked) == (2, 20)


async def test_who_is_cancelled_while_aside_or_on_the_way_back_takes_no_place_with_them() -> None:
    turnstile = Turnstile(at_work=1)
    for on_the_way_back in (False, True):
        asking, answered = asyncio.Event(), asyncio.Event()
        step = asyncio.create_task(_step(turnstile.passage(), asking, answered))
        await asking.wait()
        async with turnstile.passage():
            if on_the_way_back:
                answered.set()
                await asyncio.sleep(0)
            step.cancel()
            await asyncio.sleep(0)
            # cancelled while aside it still waits for its turn to end; a second time it does not
            step.cancel()
            with pytest.raises(asyncio.CancelledError):
                await step
            assert turnstile.places.locked()
        assert not turnstile.places.locked()
        async with turnstile.passage():
            assert turnstile.places.locked(), "one place, as before"


async def _step(passage: Passage, asking: asyncio.Event, answered: asyncio.Event) -> None:
    async with passage, passage.aside():
        asking.set()
        await answered.wait()
