"""Every kind by its name, and the check of an input against it. Loading this loads no provider."""

import json
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, ValidationError

from jobs.errors import InvalidInput
from jobs.kinds import (
    analyse_part,
    broadcast,
    broadcast_part,
    erase_person,
    export_person,
    extract_document,
    fetch_chat_documents,
    generate_image,
    generate_image_prompt,
    generate_reply,
    make_report,
    merge_findings,
    reconcile_stars,
    refund_stars,
    regenerate_reply,
    replay_deliveries,
    run_ollama_analysis,
    summarize_dialog,
)
from jobs.kinds.contract import AfterSteps, Kind
from jobs.kinds.world import (
    generate_character,
    generate_character_avatar,
    generate_character_batch,
    generate_post,
    generate_post_batch,
    generate_post_image,
    generate_world_description,
    generate_world_image,
    init_world_creation,
)
from jobs.storable import is_storable

KINDS: dict[str, Kind] = {
    "analyse_part": analyse_part,
    "broadcast": broadcast,
    "broadcast_part": broadcast_part,
    "erase_person": erase_person,
    "export_person": export_person,
    "extract_document": extract_document,
    "fetch_chat_documents": fetch_chat_documents,
    "generate_character": generate_character,
    "generate_character_avatar": generate_character_avatar,
    "generate_character_batch": generate_character_batch,
    "generate_image": generate_image,
    "generate_image_prompt": generate_image_prompt,
    "generate_post": generate_post,
    "generate_post_batch": generate_post_batch,
    "generate_post_image": generate_post_image,
    "generate_reply": generate_reply,
    "generate_world_description": generate_world_description,
    "generate_world_image": generate_world_image,
    "init_world_creation": init_world_creation,
    "make_report": make_report,
    "merge_findings": merge_findings,
    "reconcile_stars": reconcile_stars,
    "refund_stars": refund_stars,
    "regenerate_reply": regenerate_reply,
    "replay_deliveries": replay_deliveries,
    "run_ollama_analysis": run_ollama_analysis,
    "summarize_dialog": summarize_dialog,
}

# the steps of a world: hundreds come at once, and nobody waits for one of them alone
BY_THE_HUNDRED = frozenset(
    {
        "generate_character",
        "generate_character_avatar",
        "generate_character_batch",
        "generate_post",
        "generate_post_batch",
        "generate_post_image",
        "generate_world_description",
        "generate_world_image",
    }
)

# kinds whose roots go on when all their steps have ended
AFTER_STEPS: dict[str, AfterSteps] = {
    "init_world_creation": init_world_creation.after_steps,
    "run_ollama_analysis": run_ollama_analysis.after_steps,
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
