"""The form of an answer with limits that a small model reaches: held to a form, it writes on until the form ends it."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

Json = dict[str, Any]

LONGEST_TEXT = 200
# so that no text is blank
SHORTEST_TEXT = 3
MOST_ITEMS = 2
# below these keys are names of the form's own, not keywords
NAMED = ("properties", "$defs")
SENTENCE = re.compile(r".+[.!?](?=\s)", re.DOTALL)


def kept_short(schema: Json) -> Json:
    """What is valid by it is valid by `schema` too."""
    limited = {**schema, **_limits(schema)}
    return {
        name: {key: kept_short(each) for key, each in value.items()} if name in NAMED else _each(value, kept_short)
        for name, value in limited.items()
    }


def ended(answer: str, short: Json) -> str:
    """The answer to a short form, with each text that the form broke off ended at its last sentence or word."""
    try:
        said = json.loads(answer)
    except ValueError:
        return answer  # it was cut off as a whole
    return json.dumps(_ended(said, set(_limits_in(short))), ensure_ascii=False)


def _limits(node: Json) -> Json:
    kind = node.get("type")
    if kind == "string" and not node.keys() & {"enum", "const", "format", "pattern"}:
        most = min(node.get("maxLength", LONGEST_TEXT), LONGEST_TEXT)
        return {"minLength": min(max(node.get("minLength", 0), SHORTEST_TEXT), most), "maxLength": most}
    if kind == "array":
        least = node.get("minItems", 0)
        return {"minItems": least, "maxItems": max(least, min(node.get("maxItems", MOST_ITEMS), MOST_ITEMS))}
    if kind == "integer":
        # it likes to count below zero
        return {"minimum": node.get("minimum", 0)}
    return {}


def _limits_in(value: Any) -> Iterator[int]:
    if isinstance(value, dict):
        if value.get("type") == "string" and "maxLength" in value:
            yield value["maxLength"]
        for each in value.values():
            yield from _limits_in(each)
    elif isinstance(value, list):
        for each in value:
            yield from _limits_in(each)


def _ended(value: Any, limits: set[int]) -> Any:
    if isinstance(value, str):
        return _end(value) if len(value) in limits else value
    if isinstance(value, dict):
        return {name: _ended(each, limits) for name, each in value.items()}
    return [_ended(each, limits) for each in value] if isinstance(value, list) else value


def _end(text: str) -> str:
    if sentences := SENTENCE.match(text):
        return sentences[0]
    return text.rpartition(" ")[0].rstrip(" ,;:-") or text


def _each(value: Any, change: Callable[[Json], Json]) -> Any:
    if isinstance(value, list):
        return [_each(each, change) for each in value]
    return change(value) if isinstance(value, dict) else value
