"""Every kind by its name, and the check of an input against it. Loading this loads no provider."""

import json
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, ValidationError

from jobs.errors import InvalidInput
from jobs.kinds import generate_image, generate_image_prompt, generate_reply, replay_deliveries
from jobs.kinds.contract import Kind
from jobs.storable import is_storable

KINDS: dict[str, Kind] = {
    "generate_image": generate_image,
    "generate_image_prompt": generate_image_prompt,
    "generate_reply": generate_reply,
    "replay_deliveries": replay_deliveries,
}


def find(name: str) -> Kind:
    if name not in KINDS:
        raise InvalidInput(f"There is no kind {name!r}. Kinds: {', '.join(sorted(KINDS))}.", code="unknown_kind")
    return KINDS[name]


def parse_input(name: str, raw: dict[str, Any]) -> BaseModel:
    """Raises InvalidInput whose `errors` point into the request: `/input/prompt`."""
    for pointer in _unstorable(raw, "/input"):
        errors = [{"pointer": pointer, "detail": "The text holds a zero byte or half a character."}]
        raise InvalidInput(f"The input of {name} is not valid: {pointer} cannot be stored.", errors=errors)
    try:
        # as JSON, in which an id or a moment is a text; elsewhere nothing is taken for something else
        return find(name).Input.model_validate_json(json.dumps(raw))
    except ValidationError as error:
        errors = [
            {
                "pointer": "/".join(["/input", *map(str, problem["loc"])]),
                "detail": problem["msg"].removeprefix("Value error, "),
            }
            for problem in error.errors()
        ]
        summary = "; ".join(f"{each['pointer']}: {each['detail']}" for each in errors)
        raise InvalidInput(f"The input of {name} is not valid: {summary}", errors=errors) from None


def _unstorable(value: Any, pointer: str) -> Iterator[str]:
    if isinstance(value, str) and not is_storable(value):
        yield pointer
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from _unstorable(each, f"{pointer}/{number}")
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from _unstorable(each, f"{pointer}/{key}")
