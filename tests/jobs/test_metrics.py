"""What Prometheus reads."""

import asyncio
from collections.abc import Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import TextClause

from jobs import metrics
from jobs.db.gpu.lane_report import BUSY
from jobs.db.queue import measures
from jobs.db.session import Database
from jobs.settings import DatabaseSettings
from tests.factories import NOWHERE, Json, execute, plain_tracebacks, rows, value

Samples = dict[tuple[str, tuple[str, ...]], float]

THIS_HOUR = "date_trunc('hour', now(), 'UTC')"
HOUR_BEFORE = f"{THIS_HOUR} - interval '1 minute'"
LONG_AGO = f"{THIS_HOUR} - interval '61 minutes'"


@pytest.fixture(autouse=True)
async def within_an_hour(database: Database) -> None:
    """What a test writes and what it reads belong to the same hour."""
    left = await value(database, f"SELECT extract(epoch FROM {THIS_HOUR} + interval '1 hour' - now())::float8")
    if left < 5:
        await asyncio.sleep(left)


async def samples(database: Database) -> Samples:
    """By name and the values of the labels, in the order of the labels' names."""
    rendered = (await metrics.render(database)).decode()
    return {
        (sample.name, tuple(sample.labels[name] for name in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(rendered)
        for sample in family.samples
    }


async def renders(database: Database, *given: tuple[str, str, float, str]) -> None:
    """(workflow, outcome, seconds, when as SQL), on a lane that its worker has registered"""
    values = ", ".join(
        f"('gpu-0', '{workflow}', '{outcome}', {seconds}, {when})" for workflow, outcome, seconds, when in given
    )
    await execute(
        database,
        "INSERT INTO lanes (queue, host) VALUES ('gpu-0', 'one:1') ON CONFLICT DO NOTHING",
        f"INSERT INTO renders (queue, workflow, outcome, seconds, finished_at) VALUES {values}",
    )


async def test_open_jobs_by_queue_kind_and_status(database: Database) -> None:
    await execute(
        database,
        "INSERT INTO jobs (kind, owner, queue, status, created_at) VALUES"
        " ('a', 'o', 'llm', 'pending', now() - interval '1 hour'), ('a', 'o', 'llm', 'pending', now()),"
        " ('b', 'o', 'llm', 'processing', now()), ('a', 'o', 'llm', 'completed', now())",
    )
    found = await samples(database)
    assert found["postgen_jobs", ("a", "llm", "pending")] == 2
    assert found["postgen_jobs", ("b", "llm", "processing")] == 1
    assert not [key for key in found if "completed" in key[1]]
    assert 3600 <= found["postgen_oldest_job_seconds", ("a", "llm", "pending")] < 3700


async def test_deliveries_that_did_not_arrive(database: Database) -> None:
    await execute(
        database,
        "INSERT INTO deliveries (key, channel, destination, status) VALUES"
        " ('1', 'telegram', '7', 'sent'), ('2', 'telegram', '7', 'unknown'), ('3', 'telegram', '7', 'unknown'),"
        " ('4', 'webhook', 'u', 'failed')",
    )
    found = await samples(database)
    assert found["postgen_deliveries", ("telegram", "unknown")] == 2
    assert found["postgen_deliveries", ("webhook", "failed")] == 1
    assert ("postgen_deliveries", ("telegram", "sent")) not in found


async def test_tries_to_deliver_by_channel_and_outcome(database: Database) -> None:
    """Counted by tries: a delivery that is sent again after it failed must not make a counter sink."""
    await execute(
        database,
        "INSERT INTO deliveries (id, key, channel, destination, status, created_at) OVERRIDING SYSTEM VALUE VALUES"
        f" (1, '1', 'telegram', '7', 'sent', {HOUR_BEFORE}), (2, '2', 'webhook', 'u', 'pending', now())",
        "INSERT INTO delivery_attempts (delivery_id, number, outcome, finished_at) VALUES"
        f" (1, 1, 'not_sent', {HOUR_BEFORE}), (1, 2, 'not_sent', now()), (1, 3, 'sent', now()),"
        " (2, 1, 'not_sent', now())",
    )
    found = await samples(database)
    assert found["postgen_delivery_attempts_total", ("telegram", "not_sent")] == 1
    assert found["postgen_delivery_attempts_total", ("telegram", "sent")] == 1
    assert found["postgen_delivery_attempts_total", ("webhook", "not_sent")] == 1


async def test_an_idle_system(database: Database) -> None:
    found = await samples(database)
    assert found.pop(("postgen_up", ())) == 1
    queues = {key[1][0] for key in found if key[0] == "postgen_workers"}
    assert {"llm", "telegram", "housekeeping"} < queues
    assert {key[0] for key in found} == {"postgen_workers"}
    assert set(found.values()) == {0}


async def test_living_workers_by_queue(database: Database) -> None:
    await execute(
        database,
        "INSERT INTO lanes (queue, host) VALUES ('gpu-0', 'one:1')",
        "INSERT INTO procrastinate_workers (id, last_heartbeat) OVERRIDING SYSTEM VALUE VALUES"
        " (1, now()), (2, now()), (3, now() - interval '5 minutes')",
        "INSERT INTO workers (id, name, queues, host, pid) VALUES (1, 'w', '{llm,gpu-0}', 'h', 1),"
        " (2, 'w', '{llm}', 'h', 2), (3, 'w', '{image}', 'h', 3)",
    )
    found = await samples(database)
    workers = {key[1][0]: value for key, value in found.items() if key[0] == "postgen_workers"}
    assert (workers["llm"], workers["gpu-0"], workers["image"]) == (2, 1, 0)


async def test_lanes_and_paused_queues(database: Database) -> None:
    await execute(
        database,
        "INSERT INTO lanes (queue, host, healthy) VALUES"
        " ('gpu-0', 'one:1', true), ('gpu-1', 'two:2', false), ('gpu-2', 'three:3', true)",
        "INSERT INTO procrastinate_workers (id) OVERRIDING SYSTEM VALUE VALUES (1)",
        "INSERT INTO workers (id, name, queues, host, pid) VALUES (1, 'w', '{gpu-0,gpu-1}', 'h', 1)",
        "INSERT INTO paused_queues (name, mode) VALUES ('gpu-1', 'drain'), ('llm', 'hold')",
        "INSERT INTO jobs (kind, owner, queue, status, run_token) VALUES ('k', 'o', 'gpu-0', 'pending', NULL),"
        " ('k', 'o', 'gpu-0', 'processing', NULL), ('k', 'o', 'gpu-0', 'processing', gen_random_uuid())",
        "INSERT INTO renders (queue, workflow, outcome, seconds, finished_at)"
        " VALUES ('gpu-1', 'w', 'completed', 30, now() - interval '10 seconds')",
    )
    found = await samples(database)
    lanes = [f"gpu-{number}" for number in range(3)]
    # one whose ComfyUI is away, one that nobody serves
    assert [found["postgen_lane_up", (lane,)] for lane in lanes] == [1, 0, 0]
    assert [found["postgen_lane_waiting", (lane,)] for lane in lanes] == [2, 0, 0]
    assert [found["postgen_lane_running", (lane,)] for lane in lanes] == [1, 0, 0]
    assert [found["postgen_lane_busy_ratio", (lane,)] for lane in lanes] == pytest.approx([0, 0.5, 0], abs=1e-6)
    paused = {key[1] for key in found if key[0] == "postgen_queue_paused"}
    assert paused == {("drain", "gpu-1"), ("hold", "llm")}


async def test_generation_seconds_as_a_histogram(database: Database) -> None:
    await renders(
        database, ("may", "completed", 0.2, "now()"), ("may", "completed", 1.0, "now()"),
        ("may", "completed", 1.5, "now()"), ("may", "completed", 1000, "now()"), ("lina", "completed", 4, "now()"),
        ("may", "stuck", 50, "now()"),
    )  # fmt: skip
    found = await samples(database)
    buckets = {key[1][0]: v for key, v in found.items() if key[0].endswith("_bucket") and key[1][1] == "may"}
    assert sorted(buckets, key=float)[-1] == "+Inf"
    assert [buckets[bound] for bound in ("0.5", "1.0", "2.0", "300.0", "+Inf")] == [1, 2, 3, 3, 4], "a bound is inside"
    assert found["postgen_generation_seconds_count", ("may",)] == 4
    assert found["postgen_generation_seconds_sum", ("may",)] == pytest.approx(1002.7)
    assert found["postgen_generation_seconds_count", ("lina",)] == 1


async def test_renders_by_workflow_and_outcome(database: Database) -> None:
    await renders(
        database, ("may", "completed", 1, "now()"), ("may", "stuck", 1, "now()"), ("may", "stuck", 1, "now()")
    )
    found = await samples(database)
    assert found["postgen_renders_total", ("completed", "may")] == 1
    assert found["postgen_renders_total", ("stuck", "may")] == 2


async def test_counters_start_anew_at_the_full_hour_and_keep_their_series(database: Database) -> None:
    """Forgotten rows would make a counter sink, which Prometheus takes for a restart with everything counted anew."""
    await renders(
        database, ("may", "completed", 1, THIS_HOUR), ("may", "completed", 2, HOUR_BEFORE),
        ("lina", "completed", 4, HOUR_BEFORE), ("ash", "completed", 8, LONG_AGO),
    )  # fmt: skip
    found = await samples(database)
    counted = {key[1]: value for key, value in found.items() if key[0] == "postgen_renders_total"}
    assert counted == {("completed", "may"): 1, ("completed", "lina"): 0}
    assert found["postgen_generation_seconds_sum", ("may",)] == 1
    assert found["postgen_generation_seconds_sum", ("lina",)] == 0


@pytest.mark.parametrize(
    ("statement", "values", "most"),
    [(measures.RENDERS, {"bounds": [-1.0], "places": 1}, 720), (BUSY, {"windows": [1, 60], "longest": 60}, 360)],
    ids=["histogram", "busy share"],
)
async def test_a_scrape_reads_only_the_last_renders(
    database: Database, statement: TextClause, values: Json, most: int
) -> None:
    """However many are kept."""
    await execute(
        database,
        "INSERT INTO renders (queue, workflow, outcome, seconds, finished_at) SELECT 'gpu-' || n % 2, 'w', 'completed',"
        " 1, now() - make_interval(secs => n * 10) FROM generate_series(1, 20000) AS n",
        "ANALYZE renders",
    )
    explain = f"EXPLAIN (ANALYZE, FORMAT JSON) {statement.text}"
    plan = await rows(database, explain, lanes=["gpu-0", "gpu-1"], **values)
    [scan] = [node for node in nodes(plan[0]["QUERY PLAN"][0]["Plan"]) if node.get("Relation Name") == "renders"]
    read = scan["Actual Rows"] + scan.get("Rows Removed by Filter", 0)
    assert 300 < read <= most, scan


def nodes(plan: Json) -> Iterator[Json]:
    yield plan
    for below in plan.get("Plans", []):
        yield from nodes(below)


async def test_names_with_quotes_do_not_break_the_page(database: Database) -> None:
    await execute(database, "INSERT INTO jobs (kind, owner, queue) VALUES (E'a\"b\\\\c\\nd', 'o', 'llm')")
    assert (await samples(database))["postgen_jobs", ('a"b\\c\nd', "llm", "pending")] == 1


@pytest.mark.parametrize("url", [NOWHERE, "gone"])
async def test_without_a_database_it_says_so_and_does_not_fail(database_url: str, url: str) -> None:
    plain_tracebacks()
    away = Database(DatabaseSettings(database_url=database_url + "_gone" if url == "gone" else url, _env_file=None))
    rendered = (await metrics.render(away)).decode()
    await away.aclose()
    assert [line for line in rendered.splitlines() if not line.startswith("#")] == ["postgen_up 0.0"]


async def test_a_database_without_our_tables_is_as_good_as_none(database: Database) -> None:
    plain_tracebacks()
    await execute(database, "DROP TABLE renders")
    assert await samples(database) == {("postgen_up", ()): 0}


async def test_providers_by_state_and_their_calls(database: Database) -> None:
    call = "('{0}', 'm', 'image', '{1}', 5, {2})"
    made = [("replicate", "success", THIS_HOUR), ("replicate", "success", THIS_HOUR), ("local", "quota", HOUR_BEFORE)]
    await execute(
        database,
        "INSERT INTO providers (name, open_until) VALUES ('replicate', now() + interval '1 minute'), ('local', NULL)",
        "INSERT INTO provider_slots (pool, number, call, until, provider) VALUES"
        " ('sort:image', 0, gen_random_uuid(), now() + interval '1 minute', 'local')",
        "INSERT INTO provider_calls (provider, model, sort, outcome, latency_ms, started_at) VALUES "
        + ", ".join(call.format(*each) for each in made),
    )
    found = await samples(database)
    assert [found["postgen_provider_state", ("replicate", state)] for state in ("closed", "open", "half_open")] == [
        0, 1, 0,
    ]  # fmt: skip
    assert found["postgen_provider_state", ("local", "closed")] == 1
    assert (found["postgen_provider_in_flight", ("local",)], found["postgen_provider_in_flight", ("replicate",)]) == (
        1, 0,
    )  # fmt: skip
    # labels in the order of their names
    assert found["postgen_provider_calls_total", ("success", "replicate")] == 2
    assert found["postgen_provider_calls_total", ("quota", "local")] == 0, "it was before the full hour"
