"""A Pydantic model as the JSON Schema that each wire accepts, and in words for a model that takes none."""

import json
from collections.abc import Callable, Iterator
from typing import Any

from pydantic import BaseModel

Json = dict[str, Any]
Rewrite = Callable[[Json], Json]

# what OpenAI's strict mode refuses, or what a provider ignores: Pydantic checks it afterwards
NOT_STRICT = {
    "default", "title", "pattern", "format", "minLength", "maxLength", "minimum", "maximum", "exclusiveMinimum",
    "exclusiveMaximum", "multipleOf", "minItems", "maxItems", "uniqueItems", "minProperties", "maxProperties",
    "discriminator", "examples",
}  # fmt: skip
GEMINI_KEYWORDS = {
    "$id", "$defs", "$ref", "$anchor", "type", "format", "title", "description", "enum", "items", "prefixItems",
    "minItems", "maxItems", "minimum", "maximum", "anyOf", "oneOf", "properties", "additionalProperties", "required",
    "propertyOrdering",
}  # fmt: skip
# below these keys are names of the model's own, not keywords
NAMED = ("properties", "$defs")


def strict_schema(model: type[BaseModel]) -> Json:
    """Every object closed, every property required, no limits on values."""
    return _node(model.model_json_schema(), _strict)


def fits_strict(model: type[BaseModel]) -> bool:
    """A map with keys of the answer's own choice cannot be said in strict mode."""
    objects = [node for node in _nodes(model.model_json_schema()) if node.get("type") == "object"]
    return all("properties" in node and not isinstance(node.get("additionalProperties"), dict) for node in objects)


def gemini_schema(model: type[BaseModel]) -> Json:
    """Only with the keywords that `responseJsonSchema` knows."""
    return _node(model.model_json_schema(), _for_gemini)


def grammar_schema(model: type[BaseModel]) -> Json:
    """For a server that makes a grammar of it: a pattern must be anchored for that, and defaults say nothing."""
    return _node(model.model_json_schema(), _for_grammar)


def as_words(model: type[BaseModel]) -> str:
    schema = json.dumps(model.model_json_schema(), ensure_ascii=False, separators=(",", ":"))
    return f"Answer with JSON and nothing else. It must be valid by this JSON Schema:\n{schema}"


def _strict(node: Json) -> Json:
    node = {name: value for name, value in node.items() if name not in NOT_STRICT}
    if "oneOf" in node:
        node["anyOf"] = node.pop("oneOf")
    if "const" in node:
        node["enum"] = [node.pop("const")]
    if "properties" in node:
        node |= {"required": list(node["properties"]), "additionalProperties": False}
    return node


def _for_gemini(node: Json) -> Json:
    if "const" in node:
        node = {**node, "enum": [node["const"]]}
    return {name: value for name, value in node.items() if name in GEMINI_KEYWORDS}


def _for_grammar(node: Json) -> Json:
    pattern = str(node.get("pattern", "^$"))
    anchored = pattern.startswith("^") and pattern.endswith("$")
    unwanted = {"default", "title", "discriminator"} | (set() if anchored else {"pattern"})
    return {name: value for name, value in node.items() if name not in unwanted}


def _node(node: Json, rewrite: Rewrite) -> Json:
    return {
        name: {key: _below(each, rewrite) for key, each in value.items()} if name in NAMED else _below(value, rewrite)
        for name, value in rewrite(node).items()
    }


def _below(value: Any, rewrite: Rewrite) -> Any:
    if isinstance(value, list):
        return [_below(each, rewrite) for each in value]
    return _node(value, rewrite) if isinstance(value, dict) else value


def _nodes(value: Any) -> Iterator[Json]:
    if isinstance(value, list):
        for each in value:
            yield from _nodes(each)
    elif isinstance(value, dict):
        yield value
        for name, below in value.items():
            yield from _nodes(list(below.values()) if name in NAMED else below)
