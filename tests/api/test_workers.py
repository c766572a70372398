"""/v1/workers: who is alive and what each has in hand, over HTTP."""

from jobs.kinds.contract import NewJob
from tests.api.opened_api import ANNA, Api
from tests.factories import execute

REPLY = {"system_prompt": "You are a test.", "user_message": "Hi"}


async def test_nobody_is_alive(api: Api) -> None:
    answer = await api.admin.get("/v1/workers")
    assert (answer.status_code, answer.json()) == (200, {"workers": []})


async def test_a_worker_with_a_job(api: Api) -> None:
    async with api.database.transaction() as connection:
        job = await api.app.state.intake.submit(connection, NewJob("generate_reply", REPLY, ANNA))
    await execute(
        api.database,
        "INSERT INTO procrastinate_workers (id, last_heartbeat) OVERRIDING SYSTEM VALUE VALUES"
        " (1, now()), (2, now() - interval '5 minutes')",
        "INSERT INTO workers (id, name, queues, host, pid) VALUES (1, 'one', '{llm}', 'box', 11)",
        f"UPDATE procrastinate_jobs SET status = 'doing', worker_id = 1 WHERE id = {job.ticket_id}",
    )
    [worker] = (await api.admin.get("/v1/workers")).json()["workers"]
    assert (worker["id"], worker["name"], worker["queues"], worker["host"], worker["pid"]) == (
        1,
        "one",
        ["llm"],
        "box",
        11,
    )
    [running] = worker["running"]
    assert (running["kind"], running["queue"], running["job_id"]) == ("generate_reply", "llm", str(job.id))
    assert running["delivery_id"] is None
