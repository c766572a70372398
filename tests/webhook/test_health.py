"""What the webhook app tells those who watch it."""

from jobs.db.session import Database
from tests.factories import NOWHERE, Door, execute, opened_door


async def test_alive_and_ready(door: Door) -> None:
    assert (await door.http.get("/healthz")).text == "ok\n"
    answer = await door.http.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"ready": True, "problems": []})


async def test_metrics_count_what_waits(door: Door) -> None:
    await door.says("Hello")
    answer = await door.http.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    assert 'postgen_jobs{kind="generate_reply",queue="llm",status="pending"} 1.0' in answer.text


async def test_without_a_database_it_lives_but_is_not_ready() -> None:
    async with opened_door(NOWHERE) as door:
        assert (await door.http.get("/healthz")).status_code == 200
        answer = await door.http.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"ready": False, "problems": ["The database does not answer."]}
    assert "secret" not in answer.text


async def test_a_missing_migration_is_named(door: Door, database: Database) -> None:
    await execute(database, "UPDATE alembic_version SET version_num = '0001'")
    answer = await door.http.get("/readyz")
    assert answer.status_code == 503
    assert "alembic upgrade head" in answer.json()["problems"][0]


async def test_a_database_without_tables_is_named(door: Door, database: Database) -> None:
    await execute(database, "DROP TABLE alembic_version")
    answer = await door.http.get("/readyz")
    assert "no tables yet" in answer.json()["problems"][0]
