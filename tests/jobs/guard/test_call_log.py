"""The log of calls: written with the job or not at all, and forgotten by age."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from sqlalchemy import text

from jobs.db.provider import provider_calls
from jobs.db.provider.provider_calls import BESIDE_JOB, CALLS, FORGET_CALLS, FORGET_DAYS, KEPT_DAYS, ProviderCall
from jobs.db.session import Database
from tests.factories import execute, rows

NOW = datetime.now(UTC)


def made(**more: object) -> ProviderCall:
    return ProviderCall("venice", "tiny", "llm", "success", 5, **{"started_at": NOW, **more})  # type: ignore[arg-type]  # any


async def test_beside_a_change_of_the_job_in_one_statement(database: Database) -> None:
    job_id = uuid4()
    await execute(
        database, f"INSERT INTO jobs (id, kind, owner, queue) VALUES ('{job_id}', 'generate_reply', 'x', 'llm')"
    )
    change = "UPDATE jobs SET status = 'processing' WHERE id = :id AND status = 'pending' RETURNING *"
    statement = text(f"WITH job AS ({change}), {BESIDE_JOB} SELECT id FROM job").bindparams(CALLS)
    calls = [made(job_id=job_id, cost=0.5, prompt_tokens=3), made(error='It\'s "down".', probe=True)]
    for _ in range(2):
        async with database.statement() as connection:
            await connection.execute(statement, {"id": job_id, "calls": provider_calls.as_json(calls)})
    async with database.statement() as connection:
        found = await provider_calls.page(connection, 10)
    assert [ProviderCall(**{k: v for k, v in vars(each).items() if k != "id"}) for each in found] == calls[::-1]


async def test_old_ones_are_forgotten_in_chunks(database: Database) -> None:
    async with database.transaction() as connection:
        await provider_calls.insert(connection, [made(started_at=NOW - timedelta(days=KEPT_DAYS + 1))] * 3 + [made()])
    await execute(
        database,
        f"INSERT INTO provider_days VALUES ('venice', current_date - {KEPT_DAYS + 2}, 1), ('venice', current_date, 1)",
    )
    gone = []
    for statement in (FORGET_CALLS, FORGET_CALLS, FORGET_CALLS, FORGET_DAYS, FORGET_DAYS):
        async with database.transaction() as connection:
            gone.append((await connection.execute(text(statement), {"chunk": 2})).rowcount)
    assert gone == [2, 1, 0, 1, 0]
    assert len(await rows(database, "SELECT * FROM provider_calls")) == 1
