"""Thousands of requests made from the OpenAPI document, sound ones and broken ones: every answer is as it says."""

import asyncio
import os
from collections.abc import Iterator, Mapping
from itertools import cycle
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.python.asgi import shutdown_lifespans
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from jobs.db.session import Database
from jobs.settings import DatabaseSettings
from tests.api.opened_api import new_key, rest_app
from tests.factories import plain_tracebacks

CHECKS = [
    not_a_server_error, status_code_conformance, content_type_conformance, response_headers_conformance,
    response_schema_conformance,
]  # fmt: skip
# of each operation and of each kind, sound or broken; `SCHEMA_EXAMPLES=100` makes the long form
EXAMPLES = int(os.environ.get("SCHEMA_EXAMPLES", "5"))
OWNER = "account:anna"


@pytest.fixture
def app(database_url: str) -> Iterator[FastAPI]:
    plain_tracebacks()
    yield rest_app(database_url)
    shutdown_lifespans()


@pytest.fixture
def key(database_url: str) -> str:
    async def make() -> str:
        database = Database(DatabaseSettings(database_url=database_url, _env_file=None))
        made = await new_key(database, OWNER, scopes=("jobs", "admin"), requests_per_minute=1_000_000)
        await database.aclose()
        return made

    return asyncio.run(make())


def refuses_what_is_wrong(context: Any, response: Any, case: Any) -> bool | None:
    """schemathesis does not count 413 among the answers that refuse, and in a form a number is a text."""
    if response.status_code == 413 or case.media_type == "multipart/form-data":
        return None
    return negative_data_rejection(context, response, case)


def try_out(operation: Any, key: str, mode: GenerationMode, known: Mapping[str, Iterator[str]]) -> int:
    """How many requests were made. `known`: ids of things that there are, for half of the paths that need one."""
    made = 0

    @settings(
        max_examples=EXAMPLES, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=operation.as_strategy(generation_mode=mode))
    def try_one(case: Any) -> None:
        nonlocal made
        made += 1
        checks = [*CHECKS, refuses_what_is_wrong] if mode.is_negative else CHECKS
        for name, ids in known.items():
            if name in (case.path_parameters or {}) and made % 2:
                case.path_parameters[name] = next(ids)
                checks = CHECKS
        case.call_and_validate(headers={"Authorization": f"Bearer {key}"}, checks=checks)

    try_one()
    return made


def test_every_answer_is_as_the_document_says(app: FastAPI, key: str) -> None:
    schema = schemathesis.openapi.from_asgi("/openapi.json", app)
    known = {"job_id": cycle(some_jobs(schema, key))}
    made = 0
    for result in schema.get_all_operations():
        operation: Any = result.ok()  # type: ignore[union-attr] # the document of an app is valid
        # what has neither parameters nor a key cannot be asked for wrongly
        modes = list(GenerationMode) if operation.path.startswith("/v1/") else [GenerationMode.POSITIVE]
        made += sum(try_out(operation, key, mode, known) for mode in modes)
    assert made > 2 * EXAMPLES * 20


def some_jobs(schema: Any, key: str) -> list[str]:
    operation = schema["/v1/jobs"]["POST"]
    bodies = [
        {"kind": "generate_image", "input": {"prompt": "x"}, "metadata": {"a": 1}},
        {"kind": "generate_reply", "input": {"persona": "lina", "user_message": "x"}},
    ]
    headers = {"Authorization": f"Bearer {key}"}
    made = [operation.Case(body=body, media_type="application/json").call(headers=headers) for body in bodies]
    return [each.json()["id"] for each in made]
