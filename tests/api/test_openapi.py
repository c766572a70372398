"""The OpenAPI document says what is true, and each example in it is accepted."""

from typing import Any
from uuid import UUID

from jobs.db.analyses import comparisons
from jobs.kinds import registry
from tests.api.opened_api import ANNA, Api
from tests.api.test_jobs_accept import REPLY, Json

# kinds that are asked for in another way
INNER = {
    "broadcast", "broadcast_part", "erase_person", "export_person", "extract_document", "reconcile_stars",
    "refund_stars", "regenerate_reply", "replay_deliveries", "summarize_dialog", "analyse_part", "make_report",
    "merge_findings", "fetch_chat_documents",
}  # fmt: skip


async def document(api: Api) -> Json:
    answer = await api.nobody.get("/openapi.json")
    assert answer.status_code == 200
    found: Json = answer.json()
    return found


def operations(found: Json) -> list[tuple[str, str, Any]]:
    return [(path, method, each) for path, item in found["paths"].items() for method, each in item.items()]


async def test_every_kind_can_be_asked_for_and_its_example_is_accepted(api: Api) -> None:
    found = await document(api)
    body = found["paths"]["/v1/jobs"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    forms = body["discriminator"]["mapping"]
    assert set(forms) == set(registry.KINDS) - INNER
    for kind, reference in forms.items():
        example = found["components"]["schemas"][reference.rpartition("/")[2]]["example"]
        assert example["kind"] == kind
        if named := example["input"].get("comparison_id"):
            async with api.database.transaction() as connection:
                asked = {"looks_for": [], "question": "", "model": "", "language": "en", "report_formats": []}
                await comparisons.insert(connection, UUID(named), ANNA, [], title="Lease", **asked)
        answer = await api.anna.post("/v1/jobs", json=example)
        assert answer.status_code == 202, answer.text


async def test_every_operation_is_described_and_names_its_problems(api: Api) -> None:
    found = await document(api)
    assert found["openapi"].startswith("3.1")
    known = {tag["name"] for tag in found["tags"]}
    for path, method, operation in operations(found):
        if not path.startswith("/v1/"):
            continue
        name = f"{method} {path}"
        assert operation.get("summary"), name
        assert operation.get("tags"), name
        assert set(operation["tags"]) <= known, name
        assert {"404", "422", "429", "500", "503"} <= operation["responses"].keys(), name
        assert "HTTPValidationError" not in str(operation), name


async def test_what_needs_a_key_says_so(api: Api) -> None:
    found = await document(api)
    assert found["components"]["securitySchemes"]["ApiKey"]["scheme"] == "bearer"
    for path, method, operation in operations(found):
        if path.startswith(("/v1/jobs", "/v1/keys")):
            assert operation["security"] == [{"ApiKey": []}], f"{method} {path}"


async def test_every_operation_refuses_whoever_has_no_key(api: Api) -> None:
    for path, method, operation in operations(await document(api)):
        if "security" in operation:
            filled = path.replace("{", "").replace("}", "")
            answer = await api.nobody.request(method, filled)
            assert answer.status_code in (401, 404), f"{method} {path}: {answer.status_code}"


async def test_no_operation_on_a_job_is_open_to_another_owner(api: Api) -> None:
    made = (await api.anna.post("/v1/jobs", json=REPLY)).json()
    tried = [
        (method, await stranger.request(method, path.format(job_id=made["id"])))
        for path, method, _ in operations(await document(api))
        if "{job_id}" in path
        for stranger in (api.boris, api.admin)
    ]
    assert len(tried) >= 2 * 5
    assert {(answer.status_code, answer.json()["code"]) for _, answer in tried} == {(404, "not_found")}


async def test_the_documentation_opens(api: Api) -> None:
    assert (await api.nobody.get("/docs")).status_code == 200
