"""What Prometheus reads: computed from the database at each scrape, so that any process tells the same."""

from collections.abc import Iterator
from itertools import accumulate
from typing import get_args

import structlog
from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from jobs.db.commit import DATABASE_ERRORS, reason
from jobs.db.provider.provider_report import State
from jobs.db.queue import measures
from jobs.db.queue.measures import BOUNDS, Measures
from jobs.db.session import Database

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
EACH_HOUR = "(counts anew from each full hour)"

log = structlog.get_logger()


async def render(database: Database) -> bytes:
    """Never fails: where the database cannot be read, `postgen_up` is 0 and nothing else is told."""
    registry = CollectorRegistry(auto_describe=False)
    try:
        registry.register(_Snapshot(await measures.read(database)))
    except DATABASE_ERRORS as error:
        log.warning("metrics cannot be read from the database", reason=reason(error))
        registry.register(_Snapshot(None))
    return generate_latest(registry)


class _Snapshot(Collector):
    def __init__(self, found: Measures | None) -> None:
        self.found = found

    def collect(self) -> Iterator[Metric]:
        yield GaugeMetricFamily("postgen_up", "Whether the database could be read", value=int(self.found is not None))
        if self.found is not None:
            yield from _queues(self.found)
            yield from _lanes(self.found)
            yield from _renders(self.found)
            yield from _deliveries(self.found)
            yield from _providers(self.found)


def _queues(found: Measures) -> Iterator[Metric]:
    labels = ["queue", "kind", "status"]
    jobs = GaugeMetricFamily("postgen_jobs", "Open jobs", labels=labels)
    oldest = GaugeMetricFamily("postgen_oldest_job_seconds", "Age of the oldest open job", labels=labels)
    for row in found.depth:
        jobs.add_metric([row.queue, row.kind, row.status], row.jobs)
        oldest.add_metric([row.queue, row.kind, row.status], row.oldest)
    paused = GaugeMetricFamily("postgen_queue_paused", "1 for a queue that is paused", labels=["queue", "mode"])
    for pause in found.paused:
        paused.add_metric([pause.name, pause.mode], 1)
    workers = GaugeMetricFamily("postgen_workers", "Workers that are alive", labels=["queue"])
    for queue, count in found.workers.items():
        workers.add_metric([queue], count)
    yield from (jobs, oldest, paused, workers)


def _lanes(found: Measures) -> Iterator[Metric]:
    up = GaugeMetricFamily("postgen_lane_up", "1 if a living worker reaches the lane's ComfyUI", labels=["queue"])
    busy = GaugeMetricFamily(
        "postgen_lane_busy_ratio", "Share of the last minute that the GPU rendered", labels=["queue"]
    )
    waiting = GaugeMetricFamily("postgen_lane_waiting", "Jobs that wait for the lane", labels=["queue"])
    running = GaugeMetricFamily("postgen_lane_running", "Jobs that its workers have in hand", labels=["queue"])
    for lane in found.lanes:
        up.add_metric([lane.queue], int(lane.up))
        busy.add_metric([lane.queue], lane.busy)
        waiting.add_metric([lane.queue], lane.waiting)
        running.add_metric([lane.queue], lane.running)
    yield from (up, busy, waiting, running)


def _renders(found: Measures) -> Iterator[Metric]:
    labels = ["workflow", "outcome"]
    seconds = HistogramMetricFamily(
        "postgen_generation_seconds", f"GPU seconds of a completed picture {EACH_HOUR}", labels=["workflow"]
    )
    renders = CounterMetricFamily("postgen_renders", f"Renders that ended {EACH_HOUR}", labels=labels)
    for each in found.renders:
        renders.add_metric([each.workflow, each.outcome], each.count)
        if each.outcome == "completed":
            bounds = [*map(floatToGoString, BOUNDS), "+Inf"]
            buckets = list(zip(bounds, map(float, accumulate(each.within)), strict=True))
            seconds.add_metric([each.workflow], buckets, sum_value=each.seconds)
    yield from (seconds, renders)


def _providers(found: Measures) -> Iterator[Metric]:
    state = GaugeMetricFamily(
        "postgen_provider_state", "1 for the state that the provider's breaker is in", labels=["provider", "state"]
    )
    in_flight = GaugeMetricFamily("postgen_provider_in_flight", "Calls under way", labels=["provider"])
    for provider in found.providers:
        for name in get_args(State):
            state.add_metric([provider.name, name], int(provider.state == name))
        in_flight.add_metric([provider.name], provider.in_flight)
    calls = CounterMetricFamily(
        "postgen_provider_calls", f"Calls whose run has ended {EACH_HOUR}", labels=["provider", "outcome"]
    )
    for (name, outcome), count in found.calls.items():
        calls.add_metric([name, outcome], count)
    yield from (state, in_flight, calls)


def _deliveries(found: Measures) -> Iterator[Metric]:
    open_ones = GaugeMetricFamily("postgen_deliveries", "Deliveries that are not sent", labels=["channel", "status"])
    for (channel, status), count in found.deliveries.items():
        open_ones.add_metric([channel, status], count)
    attempts = CounterMetricFamily(
        "postgen_delivery_attempts",
        f"Tries to send a delivery of this hour or the one before {EACH_HOUR}",
        labels=["channel", "outcome"],
    )
    for (channel, outcome), count in found.attempts.items():
        attempts.add_metric([channel, outcome], count)
    yield from (open_ones, attempts)
