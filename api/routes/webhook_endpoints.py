"""/v1/webhook-endpoints: where we call you, with what secret, and what to do when it does not work."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Body, Query, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, field_validator
from sqlalchemy.ext.asyncio import AsyncConnection

from api.authentication import JobsCaller
from jobs.db.delivery import webhook_deliveries as deliveries
from jobs.db.delivery import webhook_endpoints as rows
from jobs.db.delivery.webhook_deliveries import Held
from jobs.db.delivery.webhook_endpoints import Endpoint
from jobs.errors import InvalidInput
from jobs.public_addresses import LONGEST_URL
from jobs.storable import is_storable
from jobs.webhooks import endpoints, event_types
from jobs.webhooks.diagnosis import diagnose
from jobs.webhooks.schedule import PATIENCE

router = APIRouter(prefix="/v1/webhook-endpoints", tags=["webhooks"])

LONGEST_SECRET_TEXT = 100
LARGEST_BODY = 256 * 1024

Payload = Literal["full", "thin"]
Url = Annotated[str, Field(max_length=LONGEST_URL, description="`https://…`, a public address.")]
Description = Annotated[str, Field(max_length=500)]
Events = Annotated[
    list[str],
    Field(
        min_length=1,
        max_length=event_types.MOST,
        description=f"Types of events, `job.*` or `*`. Without it: {', '.join(event_types.DEFAULT)}.",
    ),
]
Secret = Annotated[
    str, Field(max_length=LONGEST_SECRET_TEXT, description="`whsec_` and base64 of 24 to 64 bytes; made, if left out.")
]


class EndpointFields(BaseModel):
    model_config = ConfigDict(extra="forbid")

    @field_validator("description", check_fields=False)
    @classmethod
    def can_be_stored(cls, text: str) -> str:
        if not is_storable(text):
            raise ValueError("holds a zero byte or half a character")
        return text


class NewEndpoint(EndpointFields):
    """`payload`: the whole job, or its id and status only."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"url": "https://example.com/hooks/postgen", "events": ["job.completed"]}}
    )

    url: Url
    description: Description = ""
    events: Events | None = None
    payload: Payload = "full"
    secret: Secret | None = None


class EndpointChange(EndpointFields):
    """What is named is changed. `disabled: false` sends what was held, the oldest first."""

    model_config = ConfigDict(json_schema_extra={"example": {"disabled": False}})

    url: Url = ""
    description: Description = ""
    events: Events = []
    payload: Payload = "full"
    disabled: bool = False


class Rotation(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {}})

    secret: Secret | None = None


class HeldAnswer(BaseModel):
    """What waits for the endpoint to be enabled."""

    count: int
    oldest: datetime | None


class EndpointAnswer(BaseModel):
    """`failures`: attempts since the last success. `disable_at`: when it is disabled, if nothing arrives until then."""

    id: UUID
    url: str
    description: str
    implicit: bool = Field(description="Made by the `webhook_url` of a job; it gets the events of such jobs only.")
    events: list[str]
    payload: Payload
    disabled: bool
    disabled_reason: str | None
    disabled_at: datetime | None
    failures: int
    failing_since: datetime | None
    disable_at: datetime | None
    held: HeldAnswer
    created_at: datetime


class MadeEndpoint(EndpointAnswer):
    secret: str = Field(description="The secret of its v1 signatures.")


class SecretAnswer(BaseModel):
    """The newest first. One that has been replaced signs beside it until `expires_at`."""

    class One(BaseModel):
        secret: str
        expires_at: datetime | None

    secrets: list[One]


class EndpointPage(BaseModel):
    """`next`: the `cursor` of the next page, null on the last one."""

    endpoints: list[EndpointAnswer]
    has_more: bool
    next: str | None


class TestSent(BaseModel):
    delivery_id: int


class Question(BaseModel):
    """A webhook as the receiver got it. `at`: when that was; now, if left out."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "headers": {
                    "webhook-id": "msg_1", "webhook-timestamp": "1795320000", "webhook-signature": "v1,c2lnbmF0dXJl"
                },
                "body": '{"type":"test"}',
            }
        },
    )  # fmt: skip

    headers: dict[str, str] = Field(max_length=100)
    body: str = Field(max_length=LARGEST_BODY, description="The body as it came, byte for byte.")
    secret: Secret | None = None
    at: AwareDatetime | None = None


class Verdict(BaseModel):
    """`check`: the one that failed. `version`: of the signature that matches."""

    verified: bool
    check: str | None
    detail: str
    version: str | None


@router.post("", status_code=201, summary="Register an endpoint")
async def create(request: Request, response: Response, caller: JobsCaller, body: NewEndpoint) -> MadeEndpoint:
    """From the next event on, the account's events that its filter names are sent there, in order for each job."""
    async with request.app.state.database.transaction() as connection:
        made = await endpoints.register(
            connection,
            caller.owner,
            url=body.url,
            description=body.description,
            events=body.events,
            payload=body.payload,
            secret=body.secret,
        )
    response.headers["Location"] = f"{request.app.state.public_url}/v1/webhook-endpoints/{made.id}"
    return MadeEndpoint(secret=made.secrets[0]["secret"], **_shown(made, {}))


@router.get("", summary="List endpoints")
async def list_endpoints(
    request: Request,
    caller: JobsCaller,
    implicit: Annotated[bool, Query(description="Also those that were made by the webhook_url of a job.")] = False,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    cursor: UUID | None = None,
) -> EndpointPage:
    async with request.app.state.database.statement() as connection:
        found = await rows.page(connection, caller.owner, after=cursor, limit=limit + 1, with_implicit=implicit)
        shown, more = found[:limit], len(found) > limit
        held = await deliveries.held(connection, [each.id for each in shown])
    answers = [EndpointAnswer(**_shown(each, held)) for each in shown]
    return EndpointPage(endpoints=answers, has_more=more, next=str(shown[-1].id) if more else None)


@router.post("/verify", summary="Find out why a signature is refused")
async def verify(request: Request, caller: JobsCaller, body: Question) -> Verdict:
    """Says which check fails, and where what you got differs from what we sent."""
    secret = endpoints.checked_secret(body.secret) if body.secret else None
    try:
        content = body.body.encode()
    except UnicodeEncodeError:
        detail = "The body holds half a character."
        raise InvalidInput(detail, errors=[{"pointer": "/body", "detail": detail}]) from None
    async with request.app.state.database.statement() as connection:
        found = await diagnose(connection, caller.owner, body.headers, content, secret=secret, at=body.at)
    return Verdict(**vars(found))


@router.get("/{endpoint_id}", summary="Read an endpoint")
async def read(request: Request, caller: JobsCaller, endpoint_id: UUID) -> EndpointAnswer:
    async with request.app.state.database.statement() as connection:
        return await _answer(connection, await endpoints.find(connection, caller.owner, endpoint_id))


@router.get("/{endpoint_id}/secret", summary="Read an endpoint's secrets")
async def secret(request: Request, response: Response, caller: JobsCaller, endpoint_id: UUID) -> SecretAnswer:
    response.headers["Cache-Control"] = "no-store"
    async with request.app.state.database.statement() as connection:
        found = await endpoints.find(connection, caller.owner, endpoint_id)
    return _secrets(found)


@router.patch("/{endpoint_id}", summary="Change, disable or enable an endpoint")
async def change(request: Request, caller: JobsCaller, endpoint_id: UUID, body: EndpointChange) -> EndpointAnswer:
    """Nothing is lost while it is disabled: `held` counts what waits."""
    async with request.app.state.database.transaction() as connection:
        changes = body.model_dump(exclude_unset=True)
        return await _answer(connection, await endpoints.change(connection, caller.owner, endpoint_id, changes))


@router.delete("/{endpoint_id}", status_code=204, summary="Delete an endpoint")
async def delete(request: Request, caller: JobsCaller, endpoint_id: UUID) -> None:
    """What is still on its way there is given up; what was sent stays in the log."""
    async with request.app.state.database.transaction() as connection:
        await endpoints.remove(connection, caller.owner, endpoint_id)


@router.post("/{endpoint_id}/rotate", summary="Replace the secret")
async def rotate(
    request: Request,
    response: Response,
    caller: JobsCaller,
    endpoint_id: UUID,
    body: Annotated[Rotation | None, Body()] = None,
) -> SecretAnswer:
    """The secret before it signs beside the new one for 24 hours more."""
    response.headers["Cache-Control"] = "no-store"
    async with request.app.state.database.transaction() as connection:
        return _secrets(await endpoints.rotate(connection, caller.owner, endpoint_id, body.secret if body else None))


@router.post("/{endpoint_id}/test", status_code=202, summary="Send a test event")
async def test(request: Request, caller: JobsCaller, endpoint_id: UUID) -> TestSent:
    """An event `test`, whatever the filter. GET /v1/deliveries/{delivery_id} tells what became of it."""
    async with request.app.state.database.transaction() as connection:
        return TestSent(delivery_id=await endpoints.send_test(connection, caller.owner, endpoint_id))


async def _answer(connection: AsyncConnection, endpoint: Endpoint) -> EndpointAnswer:
    return EndpointAnswer(**_shown(endpoint, await deliveries.held(connection, [endpoint.id])))


def _shown(endpoint: Endpoint, held: dict[UUID, Held]) -> dict[str, Any]:
    names = EndpointAnswer.model_fields.keys()
    known = {name: value for name, value in vars(endpoint).items() if name in names}
    failing = endpoint.failing_since if endpoint.disabled_at is None else None
    return {
        **known,
        "disabled": endpoint.disabled_at is not None,
        "disable_at": failing + PATIENCE if failing else None,
        "held": HeldAnswer(**vars(held.get(endpoint.id, Held(0, None)))),
    }


def _secrets(endpoint: Endpoint) -> SecretAnswer:
    return SecretAnswer(secrets=[SecretAnswer.One(**each) for each in endpoint.secrets])
