"""What a receiver of webhooks gets, for the `webhooks` section of the OpenAPI document."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import FastAPI, Header
from pydantic import BaseModel, Field

from api.answers.job_answer import JobAnswer
from jobs.webhooks import event_types

Id = Annotated[
    str, Header(alias="webhook-id", description="The same on every attempt: by it a receiver knows repeats.")
]
Timestamp = Annotated[int, Header(alias="webhook-timestamp", description="When this attempt was signed, in seconds.")]
Signature = Annotated[
    str,
    Header(
        alias="webhook-signature",
        description="Standard Webhooks: `v1,…` for each secret of the endpoint and `v1a,…` for each published key.",
    ),
]
Attempt = Annotated[int, Header(alias="webhook-attempt", description="1 for the first one.")]
Replay = Annotated[Literal["true"] | None, Header(alias="webhook-replay", description="It was asked for once more.")]

ANSWERS: dict[int | str, dict[str, Any]] = {
    "2XX": {"description": "Received. Any other answer, and none within 15 seconds, leads to another attempt."},
    "3XX": {"description": "A failure: redirects are not followed."},
    410: {"description": "The endpoint is disabled. What comes for it is held until it is enabled again."},
    429: {"description": "Tried again, not before `Retry-After`; 503 likewise."},
}


class JobEventData(JobAnswer):
    """The job as it was after the event. With `payload: thin` only ids, kind, status, seq, prev_seq and urls."""

    prev_seq: int | None = Field(description="`seq` of the event of this job that this endpoint got before.")
    truncated: bool = Field(
        description="It was too large: input and result are null here, and complete at `urls.self`."
    )


class JobEvent(BaseModel):
    type: str = Field(json_schema_extra={"enum": [*event_types.CHANGES, *event_types.TERMINAL]})
    timestamp: datetime
    data: JobEventData


class EndpointTrouble(BaseModel):
    """`percent` of the way to being disabled: 50, 70, 90; at 100 it is."""

    endpoint_id: UUID
    url: str
    percent: int
    failures: int
    failing_since: datetime
    disabled: bool
    reason: str | None


class EndpointFailing(BaseModel):
    type: Literal["endpoint.failing"]
    timestamp: datetime
    data: EndpointTrouble


class TestData(BaseModel):
    endpoint_id: UUID
    message: str


class TestEvent(BaseModel):
    type: Literal["test"]
    timestamp: datetime
    data: TestData


def install(app: FastAPI) -> None:
    """Only for the documentation: none of these is served here."""
    for event in (*event_types.CHANGES, *event_types.TERMINAL):
        _describe(app, event, JobEvent, f"A job of yours: {event.partition('.')[2]}")
    _describe(app, event_types.FAILING, EndpointFailing, "Another endpoint of yours takes nothing")
    _describe(app, event_types.TEST, TestEvent, "Asked for at /v1/webhook-endpoints/{endpoint_id}/test")


def _describe(app: FastAPI, event: str, model: type[BaseModel], summary: str) -> None:
    def receive(
        body: model,  # type: ignore[valid-type] # FastAPI reads it at run time
        webhook_id: Id,
        webhook_timestamp: Timestamp,
        webhook_signature: Signature,
        webhook_attempt: Attempt,
        webhook_replay: Replay = None,
    ) -> None: ...

    app.webhooks.add_api_route(
        event, receive, methods=["POST"], summary=summary, tags=["webhooks"], responses=ANSWERS, status_code=204,
        operation_id=f"webhook_{event.replace('.', '_')}",
    )  # fmt: skip
