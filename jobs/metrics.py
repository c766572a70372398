"""What Prometheus reads: computed from the database at each scrape, so that any process tells the same."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from jobs.db import health
from jobs.db.health import QueueDepth
from jobs.db.session import Database

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


async def render(database: Database) -> bytes:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Snapshot(await health.depth(database), await health.open_deliveries(database)))
    return generate_latest(registry)


class _Snapshot(Collector):
    def __init__(self, depth: list[QueueDepth], deliveries: dict[str, int]) -> None:
        self.depth = depth
        self.deliveries = deliveries

    def collect(self) -> Iterator[Metric]:
        labels = ["queue", "kind", "status"]
        jobs = GaugeMetricFamily("postgen_jobs", "Open jobs", labels=labels)
        oldest = GaugeMetricFamily("postgen_oldest_job_seconds", "Age of the oldest open job", labels=labels)
        for row in self.depth:
            jobs.add_metric([row.queue, row.kind, row.status], row.jobs)
            oldest.add_metric([row.queue, row.kind, row.status], row.oldest)
        deliveries = GaugeMetricFamily("postgen_deliveries", "Deliveries that are not sent", labels=["status"])
        for status, count in self.deliveries.items():
            deliveries.add_metric([status], count)
        yield from (jobs, oldest, deliveries)
