"""The forms that a small model is held to, and which of two Geminis is asked. What it answers: tests/jobs/providers."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from jobs.analysis.answers import form_of_part
from jobs.providers.schema import gemini_schema, grammar_schema
from jobs.worlds.forms import CharacterDetail, PostOutline, WorldDescription, as_many
from sandbox.gemini import ScriptedGemini
from sandbox.gemini_content import Content
from sandbox.serve import serving
from sandbox.small_model.front import front
from sandbox.small_model.short_forms import LONGEST_TEXT, ended, kept_short

MANY = 1_000_000


def test_a_text_that_the_form_broke_off_ends_with_a_sentence_or_a_word() -> None:
    short = kept_short({"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}}})
    sentence = "The lessee waives every claim."
    broken = {"a": f"{sentence} {'and so on ' * 30}"[:LONGEST_TEXT], "b": ("word, " * 50)[: LONGEST_TEXT - 1] + "x"}
    said = json.loads(ended(json.dumps(broken), short))
    assert said["a"] == sentence
    assert said["b"].endswith(", word")
    whole = json.dumps({"a": "It goes on and on", "b": "as long as it is shorter"})
    assert json.loads(ended(whole, short)) == json.loads(whole)
    assert ended('{"a": "cut', short) == '{"a": "cut'


WHOLE = [
    grammar_schema(form_of_part(("difference",), 800)),
    gemini_schema(WorldDescription),
    gemini_schema(CharacterDetail),
    gemini_schema(as_many(PostOutline, 7)),
]


@pytest.mark.parametrize("schema", WHOLE, ids=lambda schema: schema.get("title", "findings"))
def test_a_short_form_asks_for_nothing_that_the_whole_one_refuses(schema: dict[str, Any]) -> None:
    """Limits only become narrower, and a list that must have seven items has seven."""
    pairs = list(nodes(schema, kept_short(schema)))
    assert pairs
    for whole, short in pairs:
        assert whole.keys() <= short.keys(), "nothing is left out"
        assert short.get("minItems", 0) >= whole.get("minItems", 0)
        assert short.get("maxItems", 0) <= whole.get("maxItems", MANY)
        assert short.get("minItems", 0) <= short.get("maxItems", MANY)
        assert short.get("maxLength", 0) <= whole.get("maxLength", MANY)
        assert whole.get("enum") == short.get("enum")


async def test_the_small_model_and_the_one_that_makes_worlds_up_have_one_address() -> None:
    """Nothing is behind the front: who asks the small model is told so, the other one answers."""
    varied = ScriptedGemini(Content())
    asked = {"contents": [{"role": "user", "parts": [{"text": "hello"}]}]}
    async with (
        serving(front("http://127.0.0.1:9", other_gemini=varied.app), stop_grace=0.05) as url,
        httpx.AsyncClient(base_url=url, trust_env=False) as client,
    ):
        answered = await client.post("/v1beta/models/varied:generateContent", json=asked)
        away = await client.post("/v1beta/models/smollm2-135m:generateContent", json=asked)
        gone = await client.post("/api/chat", json={"model": "smollm2:135m", "messages": []})
        unknown = await client.post("/api/chat", json={"model": "other", "messages": []})
    assert answered.json()["candidates"][0]["content"]["parts"] == [{"text": "hello"}]
    assert (away.status_code, "is not there" in away.json()["error"]["message"]) == (503, True)
    assert (gone.status_code, "is not there" in gone.json()["error"]) == (503, True)
    assert (unknown.status_code, unknown.json()) == (404, {"error": "model 'other' not found"})


def nodes(whole: Any, short: Any) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Each part of a schema beside what became of it."""
    if isinstance(whole, dict):
        if "type" in whole:
            yield whole, short
        for name, value in whole.items():
            yield from nodes(value, short.get(name))
    elif isinstance(whole, list):
        for one, other in zip(whole, short, strict=True):
            yield from nodes(one, other)
