"""One suite for every provider of pictures: what it is shown, what comes of it, and that whatever the other side does,
it ends in time and in words.
"""

import asyncio

import httpx
import pytest

from jobs.errors import Misconfigured, PostgenError, TemporaryError
from jobs.providers import image_http
from jobs.providers.failure_class import FailureClass, failure_class
from jobs.providers.image_provider import Drawn, Ordered
from sandbox.http_place import Huge
from sandbox.llm.faults import BrokenJson, CutOff, Hang, Refusal, Trickle
from tests.jobs.providers.image_wires import STAGES, WIRES, Stage, Wire, asked, drawn, failure, request, size_of

wires = pytest.mark.parametrize("wire", WIRES, ids=str)
stages = pytest.mark.parametrize("stage", STAGES, ids=str)


@wires
async def test_a_picture_and_what_was_asked_for_it(wire: Wire) -> None:
    script = wire.script()
    async with asked(wire, script) as provider:
        await provider.probe()
        first, second = [await drawn(provider, request(prompt='лиса ~{seed} "1/2"')) for _ in range(2)]
    assert first.content_type == "image/png"
    assert size_of(first.data) == (64, 80)
    assert first.data == second.data, "the same seed gives the same picture"
    place = Stage(wire, wire.places[0]).of(script)
    shown = str(place.requests[-1].body)
    assert "лиса ~{seed}" in shown
    assert "blurry" in shown
    assert len(place.requests) == 2


@wires
async def test_each_class_of_failure(wire: Wire) -> None:
    script = wire.script()
    place = Stage(wire, wire.places[0]).of(script)
    async with asked(wire, script) as provider:
        for expected, fault in wire.faults.items():
            place.order(fault)
            error = await failure(provider)
            assert failure_class(error) is expected
            assert error.retryable is (expected in (FailureClass.TRANSIENT, FailureClass.RATE_LIMITED))
            if expected is FailureClass.RATE_LIMITED:
                assert isinstance(error, TemporaryError)
                assert error.retry_in == 7
        assert isinstance(await drawn(provider), Drawn), "none of that is remembered"


@stages
async def test_an_error_in_no_shape_at_all(stage: Stage) -> None:
    script = stage.wire.script()
    async with asked(stage.wire, script) as provider:
        for status in (400, 404, 429, 500, 502, 504):
            for body in ("", "<html>502</html>", "[]", "5", '{"detail": [5]}', '{"msg": {}}', "[" * 9_999, "\ufeff"):
                stage.of(script).order(Refusal(status, body))
                error = await failure(provider)
                lost = stage.orders and status in (502, 504)
                assert (error.code == "image_order_unknown") is lost
                assert error.retryable is (status not in _final(stage)), body


def _final(stage: Stage) -> tuple[int, ...]:
    """That a file or an order is gone says nothing about the next one."""
    first = stage.place == stage.wire.places[0]
    return (400, 404) if first else () if stage.place == "files" else (400,)


@stages
async def test_an_answer_in_no_shape_at_all(stage: Stage) -> None:
    script = stage.wire.script()
    async with asked(stage.wire, script) as provider:
        for body in ("", "not json", "[]", "null", "{}", '{"images": [5], "data": {"status": 1, "url": 5}}', "\xff",
                     '{"images": ["§"], "data": {"status": 1, "url": ["§"]}}', '{"images": [""]}'):  # fmt: skip
            stage.of(script).order(Refusal(200, body))
            error = await failure(provider)
            known = {"image_provider_unreadable", "image_invalid_output"}
            assert error.code in (known | {"image_order_unknown"} if stage.orders else known), body


@stages
@pytest.mark.parametrize("fault", [Hang(), Trickle(0.05)], ids=["silence", "a slow trickle"])
async def test_a_call_ends_in_its_time(stage: Stage, fault: Hang | Trickle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_http, "FETCH_SECONDS", 0.3)
    script = stage.wire.script()
    stage.of(script).order(fault)
    async with asked(stage.wire, script, answer_within=0.3) as provider:
        error = await failure(provider)
    assert error.code == ("image_order_unknown" if stage.orders else "image_provider_timeout")
    assert failure_class(error) is FailureClass.TRANSIENT


@stages
async def test_a_connection_that_breaks_off_in_the_middle(stage: Stage) -> None:
    script = stage.wire.script()
    stage.of(script).order(CutOff())
    async with asked(stage.wire, script) as provider:
        error = await failure(provider)
    assert error.code == ("image_order_unknown" if stage.orders else "image_provider_unreachable")
    assert error.retryable


@stages
async def test_half_an_answer(stage: Stage) -> None:
    script = stage.wire.script()
    stage.of(script).order(BrokenJson())
    async with asked(stage.wire, script) as provider:
        error = await failure(provider)
    half = "image_truncated" if stage.place == "files" else "image_provider_unreadable"
    assert error.code == ("image_order_unknown" if stage.orders else half)


@stages
async def test_more_than_an_answer_can_be(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LARGEST_ANSWER", "LARGEST_PICTURE"):
        monkeypatch.setattr(image_http, name, 100_000)
    script = stage.wire.script()
    stage.of(script).order(Huge(1_000_000))
    async with asked(stage.wire, script) as provider:
        error = await failure(provider)
    assert error.code == ("image_order_unknown" if stage.orders else "image_provider_unreadable")


@stages
async def test_no_redirect_takes_our_key_elsewhere(stage: Stage) -> None:
    script = stage.wire.script()
    stage.of(script).order(Refusal(307, {}, {"Location": "http://127.0.0.2:9/elsewhere"}))
    async with asked(stage.wire, script) as provider:
        with pytest.raises(Misconfigured):
            await drawn(provider)
    assert len(stage.of(script).requests) == 1


@wires
async def test_nobody_listens(wire: Wire) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        provider = wire.open(client, "http://127.0.0.1:9")
        for asking in (provider.draw(request()), provider.probe()):
            with pytest.raises(PostgenError) as raised:
                await asking
            assert raised.value.code == "image_provider_unreachable", "nothing can have been ordered"
            assert raised.value.retryable


@stages
async def test_a_cancelled_call_closes_its_connection(stage: Stage) -> None:
    script = stage.wire.script()
    place = stage.of(script)
    place.pause()
    async with asked(stage.wire, script) as provider:
        call = asyncio.create_task(drawn(provider))
        await place.wait_for_requests(1)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        async with asyncio.timeout(10):
            while place.requests[-1].outcome == "waiting":  # noqa: ASYNC110 - the stand-in has no event for that
                await asyncio.sleep(0.01)
    assert place.requests[-1].outcome == "client left"


@wires
async def test_what_is_no_picture_is_not_taken_for_one(wire: Wire) -> None:
    """Whatever it says of itself: what is stored is shown to people."""
    script = wire.script()
    script.pictures_are(b"<svg onload=alert(1)>")
    async with asked(wire, script) as provider:
        assert failure_class(await failure(provider)) is FailureClass.INVALID_OUTPUT


@wires
async def test_what_is_cancelled_is_left_alone_when_it_is_over(wire: Wire) -> None:
    async with asked(wire, wire.script()) as provider:
        found = await provider.draw(request())
        if isinstance(found, Ordered):
            await drawn_from(provider, found)
            await provider.cancel(found.prediction_id)


async def drawn_from(provider: object, ordered: Ordered) -> None:
    found: Drawn | Ordered = ordered
    while isinstance(found, Ordered):
        found = await provider.collect(found.prediction_id)  # type: ignore[attr-defined]  # an ImageProvider
