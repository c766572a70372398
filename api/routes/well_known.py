"""/.well-known/webhook-keys: the public halves of the keys that sign webhooks as v1a."""

import base64

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from jobs.db.delivery import signing_keys
from jobs.signatures import SigningKey

router = APIRouter(tags=["webhooks"])

FRESH_SECONDS = 300


class WebhookKey(BaseModel):
    """A JSON Web Key (RFC 8037), and the same in the form of Standard Webhooks."""

    kid: str
    kty: str = "OKP"
    crv: str = "Ed25519"
    alg: str = "EdDSA"
    use: str = "sig"
    x: str = Field(description="The public key, base64url.")
    public_key: str = Field(description="The public key as `whpk_` and base64.")


class WebhookKeys(BaseModel):
    keys: list[WebhookKey]


@router.get("/.well-known/webhook-keys", summary="The public keys of v1a signatures")
async def keys(request: Request, response: Response) -> WebhookKeys:
    """A signature that matches any of them is ours. No key is needed to read this."""
    response.headers["Cache-Control"] = f"public, max-age={FRESH_SECONDS}"
    return WebhookKeys(keys=[_shown(key) for key in await signing_keys.active(request.app.state.database)])


def _shown(key: SigningKey) -> WebhookKey:
    x = base64.urlsafe_b64encode(key.public).decode().rstrip("=")
    return WebhookKey(kid=key.id, x=x, public_key=key.public_text)
