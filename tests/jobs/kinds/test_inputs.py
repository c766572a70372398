"""What each kind accepts, and how it says what is wrong."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.errors import InvalidInput
from jobs.kinds import registry
from jobs.kinds.dialogue import CHARACTERS_PER_TOKEN, LONGEST_MESSAGE, Message, newest_within
from jobs.queues import QUEUES

LONG = "x" * (LONGEST_MESSAGE + 1)
USER = {"role": "user", "content": "Hi"}

ACCEPTED: list[tuple[str, dict[str, Any]]] = [
    ("generate_image", {"prompt": "a fox"}),
    ("generate_image", {"prompt": "x" * 8000, "negative_prompt": "", "persona": "lina", "dialog_id": 1}),
    ("generate_image", {"prompt": "x", "seed": 0, "width": 64, "height": 2048}),
    ("generate_image", {"prompt": "x", "seed": 2**63 - 1}),
    ("generate_reply", {"persona": "lina", "user_message": "Hi"}),
    ("generate_reply", {"system_prompt": "You are.", "user_message": "Hi", "history": [USER] * 100}),
    ("generate_reply", {"persona": "lina", "user_message": "x" * LONGEST_MESSAGE, "dialog_id": 5}),
    ("generate_image_prompt", {"persona": "lina"}),
    ("generate_image_prompt", {"name": "Ann", "description": "a baker", "recent_dialogue": [USER]}),
]

REFUSED: list[tuple[str, dict[str, Any], set[str]]] = [
    ("generate_image", {}, {"/input/prompt"}),
    ("generate_image", {"prompt": ""}, {"/input/prompt"}),
    ("generate_image", {"prompt": None}, {"/input/prompt"}),
    ("generate_image", {"prompt": "x" * 8001}, {"/input/prompt"}),
    ("generate_image", {"prompt": "x", "seed": -1}, {"/input/seed"}),
    ("generate_image", {"prompt": "x", "seed": 2**63}, {"/input/seed"}),
    ("generate_image", {"prompt": "x", "width": 63}, {"/input/width"}),
    ("generate_image", {"prompt": "x", "width": 2064, "height": 100}, {"/input/width", "/input/height"}),
    ("generate_image", {"prompt": "x", "colour": "red"}, {"/input/colour"}),
    ("generate_reply", {"persona": "lina"}, {"/input/user_message"}),
    ("generate_reply", {"user_message": "Hi"}, {"/input"}),
    ("generate_reply", {"persona": "", "user_message": "Hi"}, {"/input"}),
    ("generate_reply", {"persona": "lina", "user_message": ""}, {"/input/user_message"}),
    ("generate_reply", {"persona": "lina", "user_message": LONG}, {"/input/user_message"}),
    (
        "generate_reply",
        {"persona": "lina", "user_message": "Hi", "history": [USER, {"role": "system", "content": "x"}]},
        {"/input/history/1/role"},
    ),
    (
        "generate_reply",
        {"persona": "lina", "user_message": "Hi", "history": [{"role": "user", "content": "x", "name": "y"}]},
        {"/input/history/0/name"},
    ),
    ("generate_image_prompt", {}, {"/input"}),
    ("generate_image_prompt", {"name": "Ann"}, {"/input"}),
    ("generate_image_prompt", {"persona": "lina", "recent_dialogue": "Hi"}, {"/input/recent_dialogue"}),
]


@pytest.mark.parametrize(("kind", "raw"), ACCEPTED)
def test_accepted(kind: str, raw: dict[str, Any]) -> None:
    parsed = registry.parse_input(kind, raw)
    assert parsed.model_dump(exclude_unset=True, mode="json") == raw


@pytest.mark.parametrize(("kind", "raw", "pointers"), REFUSED)
def test_refused_with_a_pointer_to_each_mistake(kind: str, raw: dict[str, Any], pointers: set[str]) -> None:
    with pytest.raises(InvalidInput) as refused:
        registry.parse_input(kind, raw)
    error = refused.value.as_json()
    assert {each["pointer"] for each in error["errors"]} == pointers
    assert all(each["detail"] for each in error["errors"])
    assert (error["code"], error["blame"], error["retryable"]) == ("invalid_input", "client", False)
    assert len(error["detail"]) < 2000, "the mistake is named, the input is not repeated"


@pytest.mark.parametrize("words", ["a\x00b", "half \ud83d"])
def test_what_the_database_cannot_store_is_refused_with_a_pointer(words: str) -> None:
    """jsonb takes neither: at the insert it would be a mistake of ours instead of the client's."""
    with pytest.raises(InvalidInput) as refused:
        registry.parse_input("generate_image", {"prompt": words})
    assert refused.value.errors[0]["pointer"] == "/input/prompt"


def test_an_unknown_kind_is_told_which_there_are() -> None:
    with pytest.raises(InvalidInput, match=r"no kind 'paint'.*generate_image, generate_image_prompt, .*generate_reply"):
        registry.find("paint")


def test_every_kind_says_what_a_kind_must() -> None:
    for name, kind in registry.KINDS.items():
        assert kind.__name__.endswith(f".{name}")  # type: ignore[attr-defined]  # kinds are modules
        assert kind.ATTEMPTS >= 1
        assert kind.QUEUE in QUEUES
        assert kind.CHAT_ACTION in {"typing", "upload_photo", "upload_document"}


texts = st.text(min_size=1, max_size=50)
talks = st.lists(
    st.builds(Message, role=st.sampled_from(["user", "assistant"]), content=texts), min_size=1, max_size=20
)


@given(talks, st.integers(min_value=1, max_value=200))
def test_the_newest_messages_that_fit_in_their_order(talk: list[Message], tokens: int) -> None:
    shown = newest_within(talk, tokens)
    room = int(tokens * CHARACTERS_PER_TOKEN)
    assert 1 <= len(shown) <= len(talk)
    assert sum(len(each.content) for each in shown) <= room
    assert shown[1:] == talk[len(talk) - len(shown) + 1 :], "whole, in order, without a gap"
    assert talk[-len(shown)].content.endswith(shown[0].content)
    assert talk[-1].content.endswith(shown[-1].content)
    if len(shown) < len(talk):
        left_out = talk[-len(shown) - 1].content
        assert sum(len(each.content) for each in shown) + len(left_out) > room


def test_a_message_that_is_too_long_alone_keeps_its_end() -> None:
    [shown] = newest_within([Message(role="user", content="a" * 100 + "b" * 25)], 10)
    assert shown.content == "b" * 25
