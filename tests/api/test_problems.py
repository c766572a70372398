"""Whatever goes wrong is told as RFC 9457, with a code of the catalogue, and without what is nobody's business."""

import ast
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from api.error_catalogue import CATALOGUE
from api.requests.body_limit import LARGEST_BODY
from tests.api.opened_api import Api, client, rest_app
from tests.api.test_jobs_accept import REPLY, Json
from tests.factories import NOWHERE, execute

ROOT = Path(__file__).parents[2]
JSON = {"Content-Type": "application/json"}


def checked(answer: httpx.Response, status: int, code: str) -> Json:
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem: Json = answer.json()
    assert problem["status"] == status
    assert problem["code"] == code
    assert problem["type"] == f"/docs/errors#{code}"
    assert problem["title"] == CATALOGUE[code].title
    assert problem["instance"] == answer.request.url.path
    assert problem["blame"] in ("client", "upstream", "platform")
    assert isinstance(problem["retryable"], bool)
    assert len(problem["detail"]) > 10
    return problem


async def test_what_is_not_there_and_what_is_not_possible(api: Api) -> None:
    checked(await api.anna.get("/v1/nothing"), 404, "not_found")
    checked(await api.nobody.get("/nothing"), 404, "not_found")
    checked(await api.anna.post("/v1/jobs/", json=REPLY), 404, "not_found")
    not_allowed = await api.anna.put("/v1/jobs", json={})
    checked(not_allowed, 405, "method_not_allowed")
    assert "POST" in not_allowed.headers["Allow"] or "GET" in not_allowed.headers["Allow"]


async def test_bodies_that_are_none(api: Api) -> None:
    post = api.anna.post
    checked(await post("/v1/jobs", content=b"{nope", headers=JSON), 400, "malformed_json")
    checked(await post("/v1/jobs", content=b"\xff\xfe", headers=JSON), 400, "malformed_json")
    checked(await post("/v1/jobs", content=b"[" * 100_000, headers=JSON), 400, "malformed_json")
    checked(await post("/v1/jobs", content=b'{"a":' + b"9" * 5000 + b"}", headers=JSON), 400, "malformed_json")
    checked(await post("/v1/jobs", data={"kind": "x"}), 415, "unsupported_media_type")
    checked(await post("/v1/jobs", content=b'{"kind": "x"}'), 415, "unsupported_media_type")
    checked(await post("/v1/jobs"), 422, "invalid_request")
    checked(await post("/v1/jobs", content=b"null", headers=JSON), 422, "invalid_request")
    vendor = await post("/v1/jobs", json=REPLY, headers={"Content-Type": "application/vnd.x+json; charset=utf-8"})
    assert vendor.status_code == 202


async def test_bodies_that_are_too_large(api: Api) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b" " * 65_536

    for body in (b" " * (LARGEST_BODY + 1), endless()):
        checked(await api.anna.post("/v1/jobs", content=body, headers=JSON), 413, "body_too_large")
    room = b" " * (LARGEST_BODY - 2)
    checked(await api.anna.post("/v1/jobs", content=b"{}" + room, headers=JSON), 422, "invalid_request")


async def test_however_wrong_a_request_is_the_answer_stays_short(api: Api) -> None:
    for body in (
        {**REPLY, **{f"extra{number}": 1 for number in range(10_000)}},
        {**REPLY, "x" * 500_000: 1},
        {"kind": "x" * 500_000},
        {**REPLY, "input": {"history": [{}] * 9000}},
    ):
        answer = await api.anna.post("/v1/jobs", json=body)
        assert answer.status_code == 422
        assert len(answer.json()["errors"]) <= 50
        assert len(answer.json()["detail"]) < 2000
    odd = {**REPLY, "a/b~c": 1, "": 2}
    found = (await api.anna.post("/v1/jobs", json=odd)).json()["errors"]
    assert {each["pointer"] for each in found} == {"/a~1b~0c", "/"}


async def test_a_bug_of_ours_tells_nothing_of_itself(api: Api) -> None:
    await execute(api.database, "ALTER TABLE jobs RENAME TO secret_name")
    key = api.anna.headers["Authorization"].removeprefix("Bearer ")
    async with client(api.app, key, raise_app_exceptions=False) as http:
        answer = await http.get("/v1/jobs")
    problem = checked(answer, 500, "internal_error")
    assert "jobs" not in problem["detail"]
    assert "Traceback" not in answer.text
    assert "RateLimit" in answer.headers


async def test_without_its_database_it_asks_to_come_again() -> None:
    app = rest_app(NOWHERE)
    async with client(app, "pg_0_0") as http:
        answer = await http.get("/v1/jobs")
    await app.state.database.aclose()
    problem = checked(answer, 503, "database_unavailable")
    assert int(answer.headers["Retry-After"]) >= 1
    assert problem["retryable"] is True
    assert "secret" not in answer.text


async def test_the_catalogue_is_a_page(api: Api) -> None:
    page = await api.nobody.get("/docs/errors")
    assert page.status_code == 200
    for code in CATALOGUE:
        assert f'id="{code}"' in page.text


def codes_in(path: Path) -> Iterator[str]:
    """What is written as a `code=` of a call, or as the `code` of a class."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            for keyword in node.keywords:
                if keyword.arg == "code" and isinstance(keyword.value, ast.Constant):
                    yield str(keyword.value.value)
        if isinstance(node, ast.ClassDef):
            for each in node.body:
                if isinstance(each, ast.Assign) and any(getattr(to, "id", "") == "code" for to in each.targets):
                    yield str(ast.literal_eval(each.value))


@pytest.mark.parametrize("package", ["api", "jobs"])
def test_the_catalogue_explains_every_code_that_there_is(package: str) -> None:
    used = {code for path in (ROOT / package).rglob("*.py") for code in codes_in(path)}
    assert used, "it looked in the wrong place"
    assert sorted(used - CATALOGUE.keys()) == []
