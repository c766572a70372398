"""Place and estimate of a job that waits: exact in a short line, and no estimate where none would be honest."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from api.answers.queue_lines import QueueLines
from jobs.db.queue.queue_position import Line, key_of
from tests.api.opened_api import BORIS, Api
from tests.api.test_jobs_accept import PICTURE, Json
from tests.api.test_jobs_read import ask, end, start
from tests.factories import execute, job

SERVED = (
    "INSERT INTO procrastinate_workers (id, last_heartbeat) OVERRIDING SYSTEM VALUE VALUES (77, now())",
    "INSERT INTO workers (id, name, queues, host, pid) VALUES (77, 'w', '{llm,gpu-0}', 'h', 1)",
)


async def outlook(api: Api, made: Json) -> tuple[int | None, float | None]:
    read = (await api.anna.get(made["urls"]["self"])).json()
    return read["position"], read["eta"]


async def test_places_in_the_order_in_which_they_are_served(api: Api) -> None:
    first, urgent, last = await ask(api), await ask(api, priority=9), await ask(api, priority=-5)
    assert (first["position"], urgent["position"], last["position"]) == (1, 1, 3)
    assert [(await outlook(api, each))[0] for each in (first, urgent, last)] == [2, 1, 3]
    listed = (await api.anna.get("/v1/jobs")).json()["jobs"]
    assert {each["id"]: each["position"] for each in listed} == {urgent["id"]: 1, first["id"]: 2, last["id"]: 3}
    await api.anna.post(urgent["urls"]["cancel"])
    assert (await outlook(api, first))[0] == 1
    await start(api, first["id"])
    assert await outlook(api, first) == (None, None)
    assert (await outlook(api, last))[0] == 1


async def test_owners_take_turns_at_a_gpu(api: Api) -> None:
    mine = [await ask(api, PICTURE) for _ in range(3)]
    theirs = (await api.boris.post("/v1/jobs", json=PICTURE)).json()
    assert [(await outlook(api, each))[0] for each in mine] == [1, 3, 4]
    assert theirs["position"] == 2


async def test_a_job_for_later_has_no_place_and_takes_none(api: Api) -> None:
    later = await ask(api, run_at=(datetime.now(UTC) + timedelta(hours=1)).isoformat())
    now = await ask(api)
    assert (later["position"], now["position"]) == (None, 1)


async def test_no_estimate_before_anything_is_known_or_while_nobody_works(api: Api) -> None:
    waiting = await ask(api)
    assert waiting["eta"] is None
    await execute(api.database, *SERVED)
    assert (await outlook(api, waiting))[1] is None
    done = await ask(api)
    await end(api, done["id"], "completed", result={"reply": "x"})
    await execute(
        api.database,
        f"UPDATE jobs SET started_at = finished_at - interval '4 seconds' WHERE id = '{UUID(done['id'])}'",
    )
    assert await outlook(api, waiting) == (1, 4.0)
    behind = await ask(api)
    assert (behind["position"], behind["eta"]) == (2, 8.0)
    for _ in range(2):
        await start(api, (await ask(api, priority=5))["id"])
    assert (await outlook(api, behind))[1] == 6.0, "two run at once"
    await execute(api.database, "INSERT INTO paused_queues (name, mode) VALUES ('llm', 'hold')")
    assert await outlook(api, behind) == (2, None)
    await execute(
        api.database,
        "DELETE FROM paused_queues",
        "UPDATE procrastinate_workers SET last_heartbeat = now() - interval '1 hour'",
    )
    assert await outlook(api, behind) == (2, None)


async def test_a_picture_counts_those_before_it_and_the_change_of_the_model(api: Api) -> None:
    await execute(api.database, *SERVED)
    first = await ask(api, PICTURE)
    stored = await job(api.database, UUID(first["id"]))
    await execute(
        api.database,
        f"INSERT INTO workflow_times (workflow, seconds, load_seconds) VALUES ('{stored.workflow}', 3, 7)",
        f"INSERT INTO lanes (queue, host, loaded) VALUES ('gpu-0', 'h', '{stored.model}')",
    )
    second = await ask(api, PICTURE)
    assert (await outlook(api, first), second["eta"]) == ((1, 3.0), 6.0)
    await execute(api.database, "UPDATE lanes SET loaded = 'another'")
    assert (await outlook(api, second))[1] == 13.0
    await execute(api.database, "UPDATE lanes SET healthy = false")
    assert await outlook(api, second) == (2, None)


async def test_a_long_line_is_looked_at_seldom_and_known_well(api: Api) -> None:
    await execute(
        api.database,
        "INSERT INTO jobs (kind, owner, queue, ticket_id, priority)"
        f" SELECT 'generate_reply', '{BORIS}', 'llm', number - 100000, 1 FROM generate_series(1, 5000) AS number",
    )
    api.app.state.lines = QueueLines(rest=100_000)
    made = await ask(api)
    assert abs(made["position"] - 5001) <= 5
    await execute(api.database, "DELETE FROM jobs WHERE owner <> 'account:anna'")
    place, _ = await outlook(api, made)
    assert place
    assert abs(place - 5001) <= 5, "it was looked at a moment ago"
    api.app.state.lines = QueueLines()
    assert await outlook(api, made) == (1, None)


def test_between_the_known_places_of_a_long_line() -> None:
    line = Line(
        total=40, keys=[key_of(0, 0, 10), key_of(0, 0, 20), key_of(0, 0, 40)], places=[10, 20, 40],
        seconds=[1.0, 2.0, 4.0], models={}, running=0, running_seconds=0, loaded=None, load_seconds=0, served=True,
        usual={},
    )  # fmt: skip
    assert line.ahead_of(key_of(0, 0, 10)) == (9, 0.0)
    assert line.ahead_of(key_of(0, 0, 15)) == (10, 1.0)
    assert line.ahead_of(key_of(0, 0, 40)) == (39, 2.0)
    assert line.ahead_of(key_of(0, 0, 41)) == (40, 4.0)
    assert line.ahead_of(key_of(9, 0, 99)) == (0, 0.0)
