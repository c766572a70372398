"""One suite for every language model's wire: answers, streams, structures, and what each refusal means."""

from typing import Any

import pytest

from jobs.errors import PostgenError, TemporaryError
from jobs.providers.chat_model import Prompt, Turn
from jobs.providers.failure_class import FailureClass, failure_class
from sandbox.llm.answers import Answer, Usage
from tests.jobs.providers.llm_wires import TALK, WIRES, Fox, Wire, all_pieces, asked

pytestmark = pytest.mark.parametrize("wire", WIRES, ids=str)


async def test_an_answer(wire: Wire) -> None:
    script = wire.script([Answer("Не знаю 🦊", usage=Usage(11, 3))])
    async with asked(wire, script) as model:
        answer = await model.complete("Be brief.", TALK, max_tokens=40)
    assert (answer.text, answer.finish, answer.calls) == ("Не знаю 🦊", "stop", 1)
    assert (answer.usage["prompt_tokens"], answer.usage["completion_tokens"]) == (11, 3)
    assert answer.model
    assert [request.outcome for request in script.requests] == ["answered"]


async def test_what_the_model_is_shown(wire: Wire) -> None:
    seen: list[dict[str, Any]] = []

    def answer(body: dict[str, Any]) -> str:
        seen.append(body)
        return "Fine."

    async with asked(wire, wire.script(answer)) as model:
        await model.complete("Be brief.", TALK, max_tokens=40)
    assert [(each["role"], each["content"]) for each in seen[0]["messages"]] == [
        ("system", "Be brief."),
        ("user", "Hi"),
        ("assistant", "Hello"),
        ("user", "What now?"),
    ]


async def test_a_stream(wire: Wire) -> None:
    script = wire.script([Answer("one\u2028two three\x85four", usage=Usage(11, 3))])
    async with asked(wire, script) as model:
        texts, done = await all_pieces(model)
    assert len(texts) > 1
    assert "".join(texts) == done.text == "one\u2028two three\x85four", "only a line feed ends a line"
    assert (done.usage["prompt_tokens"], done.usage["completion_tokens"], done.finish) == (11, 3, "stop")


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_an_answer_that_was_cut_off_at_its_limit_says_so(wire: Wire, stream: bool) -> None:
    async with asked(wire, wire.script([Answer("once upon a", "length")])) as model:
        done = (await all_pieces(model))[1] if stream else await model.complete("", TALK, max_tokens=3)
    assert (done.text, done.finish) == ("once upon a", "length")


async def test_a_model_that_thinks_until_its_limit_gets_room_for_that(wire: Wire) -> None:
    """Otherwise it would never come to say anything."""
    said: list[str | Answer] = [
        Answer("", "length", Usage(5, 40)),
        Answer("Fine.", usage=Usage(5, 41)),
        "And again.",
        Answer("", "length"),
    ]
    script = wire.script(said)
    async with asked(wire, script) as model:
        first = await model.complete("", TALK, max_tokens=40)
        second = await model.complete("", TALK, max_tokens=40)
        third = await model.complete("", TALK, max_tokens=40)
    assert (first.text, first.calls, first.usage["completion_tokens"]) == ("Fine.", 2, 81)
    assert (second.text, second.calls) == ("And again.", 1)
    assert (third.text, third.finish, third.calls) == ("", "length", 1), "once is enough"
    assert [str(4136) in str(request.body) for request in script.requests] == [False, True, True, True]


async def test_an_answer_of_nothing(wire: Wire) -> None:
    async with asked(wire, wire.script(["", ""])) as model:
        assert (await model.complete("", TALK, max_tokens=3)).text == ""
        assert (await all_pieces(model))[0] == []


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_each_class_of_failure(wire: Wire, stream: bool) -> None:
    script = wire.script()
    async with asked(wire, script) as model:
        for expected, fault in wire.faults.items():
            script.fail_next(fault)
            with pytest.raises(PostgenError) as raised:
                await (all_pieces(model) if stream else model.complete("", TALK, max_tokens=40))
            error = raised.value
            assert failure_class(error) is expected
            assert error.detail.endswith(".")
            assert error.retryable is (expected in (FailureClass.TRANSIENT, FailureClass.RATE_LIMITED))
            if expected is FailureClass.RATE_LIMITED:
                assert isinstance(error, TemporaryError)
                assert error.retry_in == 7


async def test_a_truncated_structure_is_asked_for_once_more_with_more_room(wire: Wire) -> None:
    script = wire.script([Answer('{"name": "Re', "length"), '{"name": "Reynard", "age": 3}'])
    async with asked(wire, script) as model:
        fox, completion = await model.structured("", TALK, Fox, max_tokens=50)
    assert fox == Fox(name="Reynard", age=3)
    assert completion.calls == 2
    script = wire.script([Answer('{"name": "Re', "length")] * 2)
    async with asked(wire, script) as model:
        with pytest.raises(PostgenError) as raised:
            await model.structured("", TALK, Fox, max_tokens=50)
    assert failure_class(raised.value) is FailureClass.TRUNCATED
    assert len(script.requests) == 2
    assert raised.value.usage["completion_tokens"] > 0, "what was spent in vain is counted"


async def test_an_answer_that_is_never_valid(wire: Wire) -> None:
    script = wire.script(['{"name": "Reynard"}', "I cannot.", '{"name": 5, "age": "old"}'])
    async with asked(wire, script) as model:
        with pytest.raises(PostgenError) as raised:
            await model.structured("", TALK, Fox, max_tokens=50)
    assert failure_class(raised.value) is FailureClass.INVALID_OUTPUT
    assert "age" in raised.value.detail
    assert len(script.requests) == 3, "two repairs, and no more"


async def test_a_mistake_is_shown_and_repaired(wire: Wire) -> None:
    seen: list[dict[str, Any]] = []
    said = iter(['{"name": "Reynard"}', 'Sure [1]:\n```json\n{"name": "Re\\u0000ynard", "age": 3}\n```'])

    def answer(body: dict[str, Any]) -> str:
        seen.append(body)
        return next(said)

    async with asked(wire, wire.script(answer)) as model:
        fox, completion = await model.structured("Invent.", TALK, Fox, max_tokens=50)
    assert fox == Fox(name="Reynard", age=3), "and what PostgreSQL cannot store is gone"
    assert completion.calls == 2
    repair = seen[1]["messages"][-2:]
    assert [each["role"] for each in repair] == ["assistant", "user"]
    assert repair[0]["content"] == '{"name": "Reynard"}'
    assert "age: Field required" in repair[1]["content"]


async def test_what_cannot_fit_is_not_sent(wire: Wire) -> None:
    script = wire.script()
    async with asked(wire, script) as model:
        model.window_tokens = 1000  # type: ignore[attr-defined]  # each of these is an HttpChatModel
        with pytest.raises(PostgenError) as raised:
            await model.answer(Prompt("", [Turn("user", "word " * 990)], 20))
    assert raised.value.code == "llm_context_overflow"
    assert "at least 1010 tokens" in raised.value.detail
    assert script.requests == []


async def test_one_look_tells_whether_it_would_answer(wire: Wire) -> None:
    async with asked(wire, wire.script(["Hi"])) as model:
        await model.probe()
