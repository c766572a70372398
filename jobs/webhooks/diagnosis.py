"""Why does a receiver refuse a webhook of ours? What it got is compared with what was sent."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.db.delivery import delivery_log
from jobs.db.delivery import webhook_endpoints as endpoints
from jobs.signatures import NotVerified, verify


@dataclass(frozen=True)
class Diagnosis:
    """`check`: the one that failed, stable and for programs; `version`: of the signature that matches."""

    verified: bool
    check: str | None
    detail: str
    version: str | None = None


async def diagnose(
    connection: AsyncConnection,
    owner: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    secret: str | None,
    at: datetime | None,
) -> Diagnosis:
    """`secret`: the one that the receiver uses. `at`: when it arrived there."""
    now = at or datetime.now(UTC)
    webhook_id = {name.lower(): value.strip() for name, value in headers.items()}.get("webhook-id", "")
    sent = await delivery_log.by_webhook_id(connection, owner, webhook_id) if webhook_id.isascii() else []
    known = [await endpoints.get(connection, endpoint_id) for endpoint_id, _ in sent if endpoint_id]
    right = [secret for endpoint in known if endpoint for secret in endpoint.secrets_at(now)]
    try:
        version = verify(headers, body, secrets=[secret] if secret else right, now=now)
    except NotVerified as error:
        return _explained(error, [each for _, each in sent], body, right, secret)
    return Diagnosis(True, None, "The signature is right.", version)


def _explained(error: NotVerified, sent: list[bytes], body: bytes, right: list[str], secret: str | None) -> Diagnosis:
    """What we know of the message says more than the receiver can find out by itself."""
    if error.check not in ("no_match", "unknown_version"):
        return Diagnosis(False, error.check, error.detail)
    if not sent:
        return Diagnosis(False, "unknown_id", "We sent you no webhook with this webhook-id, or it is forgotten by now.")
    if body not in sent:
        differs = max(_first_difference(body, each) for each in sent)
        return Diagnosis(
            False,
            "body_changed",
            f"The body is not the one that was sent: it differs from byte {differs} on. Verify the bytes as they came.",
        )
    if secret and secret not in right:
        return Diagnosis(False, "wrong_secret", "The body is right; the secret is not that of the endpoint.")
    return Diagnosis(False, error.check, error.detail)


def _first_difference(one: bytes, other: bytes) -> int:
    pairs = enumerate(zip(one, other, strict=False))
    return next((place for place, (left, right) in pairs if left != right), min(len(one), len(other)))
