"""One suite for every language model's wire: whatever the other side does, it ends in time and in words."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing

import httpx
import pytest

from jobs.errors import Misconfigured, PostgenError, TemporaryError
from jobs.providers import http_chat_model
from jobs.providers.failure_class import FailureClass, failure_class
from sandbox.llm.faults import BrokenJson, CutOff, Fault, Hang, Refusal, StreamError, Trickle
from sandbox.llm.script import Serves
from tests.jobs.providers.llm_wires import TALK, WIRES, Fox, Wire, all_pieces, asked, failure

pytestmark = pytest.mark.parametrize("wire", WIRES, ids=str)


@pytest.mark.parametrize("fault", [Hang(), Trickle(0.1)], ids=["silence", "a slow trickle"])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_a_call_ends_in_its_time(wire: Wire, fault: Fault, stream: bool) -> None:
    error = await failure(wire, fault, stream=stream, timeout=0.5)
    assert error.code == "llm_timeout"


async def test_a_call_may_have_less_time_than_its_model(wire: Wire) -> None:
    script = wire.script()
    script.fail_always(Hang())
    async with asked(wire, script, timeout=60) as model:
        with pytest.raises(TemporaryError) as whole:
            await model.complete("", TALK, max_tokens=5, timeout=0.3)
        with pytest.raises(TemporaryError) as structured:
            await model.structured("", TALK, Fox, max_tokens=5, timeout=0.3)
    assert (whole.value.code, structured.value.code) == ("llm_timeout", "llm_timeout")


async def test_the_time_of_a_structure_includes_its_repairs(wire: Wire) -> None:
    script = wire.script(["wrong"] * 3)
    async with asked(wire, script, timeout=60) as model:
        script.latency = 0.3
        with pytest.raises(TemporaryError) as raised:
            await model.structured("", TALK, Fox, max_tokens=5, timeout=0.5)
    assert raised.value.code == "llm_timeout"
    assert len(script.requests) < 3


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_a_connection_that_breaks_off_in_the_middle(wire: Wire, stream: bool) -> None:
    error = await failure(wire, CutOff(), stream=stream)
    assert (error.code, error.retryable) == ("llm_unreachable", True)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_half_a_json(wire: Wire, stream: bool) -> None:
    assert (await failure(wire, BrokenJson(), stream=stream)).code == "llm_unreadable"


async def test_an_error_in_the_middle_of_a_stream(wire: Wire) -> None:
    script = wire.script(["one two three four"])
    script.fail_next(StreamError(after_pieces=2, message="the engine fell over"))
    heard: list[str] = []
    async with asked(wire, script) as model:
        with pytest.raises(TemporaryError) as raised:
            await all_pieces(model, heard)
    assert "".join(heard) == "one two "
    assert failure_class(raised.value) is FailureClass.TRANSIENT


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_an_answer_in_no_shape_at_all(wire: Wire, stream: bool) -> None:
    script = wire.script()
    async with asked(wire, script) as model:
        for body in ("", "not json", "[]", "null", "{}", "5", '{"error": null}', "<html>", "[" * 99_999, "\xff"):
            script.fail_next(Refusal(200, body))
            with pytest.raises(TemporaryError) as raised:
                await (all_pieces(model) if stream else model.complete("", TALK, max_tokens=40))
            assert raised.value.code in ("llm_unreadable", "llm_unreachable", "llm_overloaded"), body


@pytest.mark.parametrize("status", [400, 422, 429, 500, 502])
async def test_an_error_in_no_shape_at_all(wire: Wire, status: int) -> None:
    script = wire.script()
    async with asked(wire, script) as model:
        for body in ("", "<html>502</html>", "[]", "null", "5", '"words"', "{}", '{"error": null}', '{"error": []}',
                     '{"error": {}}', '{"error": {"details": [5]}}', "\ufeff", "[" * 99_999):  # fmt: skip
            script.fail_next(Refusal(status, body))
            with pytest.raises(PostgenError) as raised:
                await model.complete("", TALK, max_tokens=40)
            assert raised.value.retryable is (status not in (400, 422)), body


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_more_than_an_answer_can_be(wire: Wire, stream: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_chat_model, "LARGEST_ANSWER", 50_000)
    async with asked(wire, wire.script(["x " * 40_000])) as model:
        with pytest.raises(TemporaryError) as raised:
            await (all_pieces(model) if stream else model.complete("", TALK, max_tokens=5))
    assert raised.value.code == "llm_unreadable"


async def test_no_redirect_is_followed_with_our_key(wire: Wire) -> None:
    script = wire.script()
    script.fail_next(Refusal(307, {}, {"Location": "/elsewhere"}))
    async with asked(wire, script) as model:
        with pytest.raises(Misconfigured, match="redirect"):
            await model.complete("", TALK, max_tokens=5)
    assert len(script.requests) == 1


async def test_nobody_listens(wire: Wire) -> None:
    async with httpx.AsyncClient(verify=False, trust_env=False) as client:
        model = wire.open(client, "http://127.0.0.1:9")
        with pytest.raises(TemporaryError) as raised:
            await model.complete("", TALK, max_tokens=1)
        with pytest.raises(TemporaryError):
            await all_pieces(model)
        with pytest.raises(TemporaryError):
            await model.probe()
    assert raised.value.code == "llm_unreachable"


async def left(script: Serves) -> None:
    """The server notices that its client has gone."""
    await until(lambda: script.requests[-1].outcome != "waiting")
    assert script.requests[-1].outcome == "client left"


async def until(holds: Callable[[], object]) -> None:
    """Raises TimeoutError."""
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - the stand-in's server has no event for that
            await asyncio.sleep(0.01)


async def test_a_cancelled_call_closes_its_connection(wire: Wire) -> None:
    script = wire.script()
    script.pause()
    async with asked(wire, script) as model:
        call = asyncio.create_task(model.complete("", TALK, max_tokens=5))
        await script.wait_for_requests(1)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await left(script)


@pytest.mark.parametrize("how", ["closed", "cancelled"])
async def test_a_stream_that_nobody_wants_any_more(wire: Wire, how: str) -> None:
    script = wire.script(["one two three four"], piece_delay=60)
    heard: list[str] = []
    async with asked(wire, script, timeout=600) as model:
        if how == "closed":
            async with aclosing(model.stream("", TALK, max_tokens=40)) as pieces:
                heard.append(str(await anext(pieces)))
        else:
            reading = asyncio.create_task(all_pieces(model, heard))
            await until(lambda: heard)
            reading.cancel()
            with pytest.raises(asyncio.CancelledError):
                await reading
        await left(script)
    assert heard == ["one "]
