"""GET /v1/providers: how the outside providers do; GET /v1/providers/calls: the log of the calls to them."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from api.authentication import AdminCaller
from jobs.db.provider import provider_calls, provider_report

router = APIRouter(prefix="/v1/providers", tags=["operations"])

NAME = r"^[A-Za-z0-9_.:-]{1,100}$"
Name = Annotated[str | None, Query(pattern=NAME)]

PROVIDER_EXAMPLE: dict[str, Any] = {
    "name": "venice",
    "state": "open",
    "probe_in": 3.2,
    "probing": False,
    "cooling": 0.0,
    "failures_in_a_row": 0,
    "in_flight": 2,
    "max_concurrent": 10,
    "used_today": 412,
    "daily_calls": 5000,
    "budget_left": 4588,
    "failure_class": "transient",
    "failure": "The language model (venice) is overloaded or down (503).",
    "failed_at": "2026-05-01T09:30:00Z",
    "windows": [
        {"minutes": 1, "calls": 12, "failures": 5},
        {"minutes": 15, "calls": 140, "failures": 5},
        {"minutes": 60, "calls": 401, "failures": 6},
    ],
}
CALL_EXAMPLE: dict[str, Any] = {
    "id": 981,
    "provider": "venice",
    "model": "venice-uncensored",
    "sort": "llm",
    "kind": "generate_reply",
    "job_id": "0197a3d2-6f2e-7c1b-9e0a-3f5b8f0f9a10",
    "outcome": "transient",
    "status_code": 503,
    "latency_ms": 812,
    "prompt_tokens": None,
    "completion_tokens": None,
    "cost": None,
    "request_id": "8c1f-FRA",
    "error": "The language model (venice) is overloaded or down (503).",
    "probe": False,
    "started_at": "2026-05-01T09:30:00Z",
}


class Window(BaseModel):
    """The last minutes, by runs that have ended since."""

    model_config = ConfigDict(from_attributes=True)

    minutes: int
    calls: int
    failures: int


class Provider(BaseModel):
    """A provider that some worker was set up for, as all workers together see it."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [PROVIDER_EXAMPLE]})

    name: str
    state: Literal["closed", "open", "half_open"] = Field(
        description="closed: it is called. open: jobs wait. half_open: the next call finds out"
    )
    probe_in: float = Field(description="Seconds until an open breaker lets one call try")
    probing: bool = Field(description="That call is under way")
    cooling: float = Field(description="Seconds for which the provider asked not to be called")
    failures_in_a_row: int
    in_flight: int = Field(description="Calls under way in all workers")
    max_concurrent: int | None = Field(description="null: only its sort has a limit")
    used_today: int = Field(description="Calls since midnight, UTC")
    daily_calls: int | None
    budget_left: int | None = Field(description="Calls left for today; null: there is no limit")
    failure_class: str | None = Field(description="Of the last call that failed, however long ago")
    failure: str | None
    failed_at: datetime | None
    windows: list[Window]


class Sort(BaseModel):
    """All calls of one sort together."""

    model_config = ConfigDict(from_attributes=True)

    sort: str
    in_flight: int
    max_concurrent: int


class Providers(BaseModel):
    providers: list[Provider]
    sorts: list[Sort]


class Call(BaseModel):
    """One request to a provider. It is written down when the run that made it ends."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [CALL_EXAMPLE]})

    id: int
    provider: str
    model: str
    sort: str
    kind: str | None
    job_id: UUID | None
    outcome: str = Field(description="success, a class of failure, cancelled or internal")
    status_code: int | None
    latency_ms: int
    prompt_tokens: int | None
    completion_tokens: int | None
    cost: float | None = Field(description="In US dollars, where the provider tells")
    request_id: str | None = Field(description="The provider's own name for the call")
    error: str | None
    probe: bool = Field(description="The one call that an open breaker let through")
    started_at: datetime


class CallPage(BaseModel):
    """`next`: the `cursor` of the next page, null on the last one."""

    calls: list[Call]
    has_more: bool
    next: str | None


@router.get("", summary="All providers")
async def listed(request: Request, caller: AdminCaller) -> Providers:
    """Breakers, calls under way, budgets, and the last hour in figures."""
    del caller
    found, sorts = await provider_report.report(request.app.state.database)
    return Providers(
        providers=[Provider.model_validate(each) for each in found], sorts=[Sort.model_validate(each) for each in sorts]
    )


@router.get("/calls", summary="The log of calls, the newest first")
async def calls(
    request: Request,
    caller: AdminCaller,
    provider: Name = None,
    kind: Name = None,
    outcome: Name = None,
    job: UUID | None = None,
    errors: Annotated[bool, Query(description="Only those that did not succeed")] = False,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    cursor: Annotated[str | None, Query(pattern="^[1-9][0-9]{0,17}$")] = None,
) -> CallPage:
    del caller
    before = int(cursor) if cursor else None
    filters = {"provider": provider, "kind": kind, "outcome": outcome}
    async with request.app.state.database.statement() as connection:
        found = await provider_calls.page(connection, limit + 1, before=before, job_id=job, errors=errors, **filters)
    shown, more = found[:limit], len(found) > limit
    answers = [Call.model_validate(each) for each in shown]
    return CallPage(calls=answers, has_more=more, next=str(shown[-1].id) if more else None)
