"""The resources under /v1, and what is at /.well-known."""

from fastapi import APIRouter

from api.pages.pages import PAGES
from api.routes import (
    comparisons,
    deliveries,
    documents,
    events,
    jobs,
    keys,
    lanes,
    media,
    personas,
    preferences,
    providers,
    queues,
    replays,
    reports,
    webhook_endpoints,
    well_known,
    workers,
    worlds,
)

# in the order in which the documentation shows them
ROUTERS: tuple[APIRouter, ...] = tuple(
    module.router
    for module in (
        jobs, events, documents, comparisons, reports, preferences, worlds, webhook_endpoints, deliveries, replays,
        well_known, media, personas, queues, lanes, workers, providers, keys,
    )
) + PAGES  # fmt: skip
# links that people pass on come back with the parameters of whoever counts their clicks
PASSED_ON = (media.router, *PAGES)
