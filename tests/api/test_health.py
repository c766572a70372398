"""/readyz of the REST app: the database, its schema, the ear for events, and the end."""

from typing import Any

import httpx

from jobs.db.schema import HEAD
from tests.api.opened_api import Api, client, opened_api, rest_app
from tests.e2e.stack import until
from tests.factories import NOWHERE, execute


async def told(http: httpx.AsyncClient) -> tuple[int, dict[str, Any]]:
    answer = await http.get("/readyz")
    return answer.status_code, answer.json()


async def until_ready(http: httpx.AsyncClient) -> dict[str, Any]:
    return (await until(lambda: told(http), lambda found: found[0] == 200))[1]


async def test_ready_once_it_hears_events(api: Api) -> None:
    assert await until_ready(api.nobody) == {"ready": True, "problems": [], "schema": HEAD, "listening": True}


async def test_not_ready_without_the_ear_for_events(database_url: str) -> None:
    """Its lifespan was not entered, so nobody listens."""
    app = rest_app(database_url)
    async with client(app) as http:
        status, answer = await told(http)
    await app.state.database.aclose()
    assert (status, answer["ready"], answer["listening"]) == (503, False, False)
    assert "DATABASE_LISTEN_URL" in answer["problems"][0]


async def test_not_ready_for_another_schema(api: Api) -> None:
    await execute(api.database, "UPDATE alembic_version SET version_num = '0001'")
    status, answer = await told(api.nobody)
    assert (status, answer["schema"]) == (503, HEAD)
    assert "0001" in answer["problems"][0]
    assert "alembic upgrade head" in answer["problems"][0]


async def test_not_ready_without_a_database() -> None:
    app = rest_app(NOWHERE)
    async with client(app) as http:
        status, answer = await told(http)
        alive = await http.get("/healthz")
    await app.state.database.aclose()
    assert (status, answer["problems"]) == (503, ["The database does not answer."])
    assert alive.status_code == 200


async def test_no_new_requests_for_a_process_that_stops(database_url: str) -> None:
    async with opened_api(database_url) as api:
        await until_ready(api.nobody)
        api.app.state.hub.drain()
        assert await told(api.nobody) == (
            503,
            {"ready": False, "problems": ["This process is about to stop."], "schema": HEAD, "listening": True},
        )
