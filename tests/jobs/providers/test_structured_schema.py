"""A Pydantic model as strict JSON Schema, and an answer as an instance of it."""

from datetime import date
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, RootModel

from jobs.providers.prompt import Prompt, Turn
from jobs.providers.repair import NotValid, parsed
from jobs.providers.schema import NOT_STRICT, as_words, fits_strict, strict_schema
from jobs.providers.sse_lines import LONGEST_LINE, EventData, Lines, TooLong
from jobs.providers.token_estimate import least_tokens, most_tokens


class Part(BaseModel):
    kind: Literal["part"] = "part"
    title: str = Field(default="", max_length=3)


class Whole(BaseModel):
    model_config = ConfigDict(strict=True)

    day: date
    tags: set[str] = set()
    part: Part | None = None
    default: int = Field(default=1, description="a field of that name")


class Mapping(BaseModel):
    anything: dict[str, int]


def objects(schema: Any) -> list[dict[str, Any]]:
    found = [schema] if isinstance(schema, dict) and "properties" in schema else []
    below = schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else []
    return found + [each for value in below for each in objects(value)]


def test_strict_means_closed_and_complete() -> None:
    schema = strict_schema(Whole)
    assert len(objects(schema)) == 2
    for each in objects(schema):
        assert each["additionalProperties"] is False
        assert each["required"] == list(each["properties"])
        assert not set(each) & NOT_STRICT
    assert set(schema["properties"]) == {"day", "tags", "part", "default"}, "a field may be named like a keyword"
    assert schema["properties"]["default"] == {"type": "integer", "description": "a field of that name"}
    assert schema["$defs"]["Part"]["properties"]["kind"] == {"enum": ["part"], "type": "string"}


def test_what_cannot_be_strict() -> None:
    assert fits_strict(Whole)
    assert not fits_strict(Mapping)
    assert '"anything"' in as_words(Mapping)


@pytest.mark.parametrize(
    "text",
    [
        '{"day": "2026-11-22"}',
        '```json\n{"day": "2026-11-22"}\n```',
        'Here {it} is [1]: {"day": "2026-11-22"} I hope that helps {}.',
        '<think>{"day": "1999-01-01"}?</think>{"day": "2026-11-22"}',
        '\ufeff {"day": "2026-11-22", "tags": [], "part": null}',
    ],
)
def test_json_with_something_around_it(text: str) -> None:
    assert parsed(text, Whole) == Whole(day=date(2026, 11, 22))


@pytest.mark.parametrize(
    "text", ["", "no", "{", '{"day": ', '["2026-11-22"]', "5", "null", '{"day": NaN}', "{" * 50, '{"a":' * 9999]
)
def test_what_is_not_valid_is_told_in_words(text: str) -> None:
    with pytest.raises(NotValid) as raised:
        parsed(text, Whole)
    assert len(str(raised.value)) > 10


def test_all_mistakes_are_told_up_to_a_number() -> None:
    many = "[" + ",".join(['"x"'] * 50) + "]"
    with pytest.raises(NotValid, match=r"0: .*; 7: .*and more of that kind$") as raised:
        parsed(many, RootModel[list[int]])
    assert len(str(raised.value)) < 1000


def test_a_list_at_the_root() -> None:
    assert parsed("Sure: [1, 2]", RootModel[list[int]]).root == [1, 2]


@given(st.text())
def test_no_text_without_an_object_is_valid_or_breaks_it(text: str) -> None:
    with pytest.raises(NotValid):
        parsed(text.replace("{", ""), Whole)


@given(
    st.lists(
        st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), min_size=1, max_size=9), max_size=5
    ),
    st.data(),
)
def test_lines_however_they_are_cut(lines: list[str], data: st.DataObject) -> None:
    whole = "".join(f"{line}\r\n" for line in lines).encode()
    splitter, found, rest = Lines(), [], whole
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        found += splitter.feed(rest[:size])
        rest = rest[size:]
    assert [line.decode() for line in found + splitter.close()] == lines


def test_events_with_everything_that_may_be_in_them() -> None:
    events = EventData()
    stream = b": comment\nid: 1\nevent: x\ndata: a\ndata:b\n\n\ndata: [DONE]"
    lines = Lines()
    found = events.feed(lines.feed(stream)) + events.feed(lines.close()) + events.close()
    assert found == [b"a\nb", b"[DONE]"]


def test_a_line_that_does_not_end() -> None:
    lines = Lines()
    assert lines.feed(b"x" * LONGEST_LINE) == []
    with pytest.raises(TooLong):
        lines.feed(b"x")


@given(st.text(), st.text())
def test_the_bounds_of_a_count_never_cross(system: str, said: str) -> None:
    prompt = Prompt(system, [Turn("user", said)], 1)
    assert least_tokens(prompt) <= most_tokens(prompt)
