"""What Prometheus reads."""

from prometheus_client.parser import text_string_to_metric_families

from jobs import metrics
from jobs.db.session import Database
from tests.factories import execute


async def samples(database: Database) -> dict[tuple[str, tuple[str, ...]], float]:
    rendered = (await metrics.render(database)).decode()
    return {
        (sample.name, tuple(sample.labels[name] for name in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(rendered)
        for sample in family.samples
    }


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
        " ('4', 'telegram', '7', 'failed')",
    )
    found = await samples(database)
    assert found["postgen_deliveries", ("unknown",)] == 2
    assert found["postgen_deliveries", ("failed",)] == 1
    assert ("postgen_deliveries", ("sent",)) not in found


async def test_an_idle_system(database: Database) -> None:
    assert await samples(database) == {}


async def test_names_with_quotes_do_not_break_the_page(database: Database) -> None:
    await execute(database, "INSERT INTO jobs (kind, owner, queue) VALUES (E'a\"b\\\\c\\nd', 'o', 'llm')")
    assert (await samples(database))["postgen_jobs", ('a"b\\c\nd', "llm", "pending")] == 1
