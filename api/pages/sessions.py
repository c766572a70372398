"""Who looks at a page? A cookie that we signed holds a token; jobs/db/page_sessions knows what it is good for.

Before anybody has logged in there is a cookie too: the token in the form of the login belongs to it.
"""

import base64
import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from fastapi import Request
from starlette.responses import Response

from api.media_secret import media_secret

COOKIE = "postgen_session"
# of all pages; what is not a page does not look at it
PATH = "/"
LIFE = timedelta(hours=12)


@dataclass(frozen=True)
class Session:
    """`key_id`: of the key that logged in; None: nobody has. `secret` is of this installation, for these pages only.

    `nonce` is the token: where somebody has logged in, a row with its hash is there until they are logged out.
    """

    nonce: str
    key_id: UUID | None
    since: datetime
    secret: bytes

    @property
    def ends_at(self) -> datetime:
        return self.since + LIFE

    @property
    def csrf(self) -> str:
        """What each form of this session carries, and no page of anybody else's can know."""
        return _signature(self.secret, f"form:{self.nonce}")

    def owns(self, token: object) -> bool:
        return isinstance(token, str) and hmac.compare_digest(token.encode(), self.csrf.encode())

    def cookie(self) -> str:
        key = str(self.key_id) if self.key_id else None
        said = json.dumps([self.nonce, key, int(self.since.timestamp())]).encode()
        body = base64.urlsafe_b64encode(said).rstrip(b"=").decode()
        return f"{body}.{_signature(self.secret, f'session:{body}')}"


async def session_of(request: Request) -> Session:
    """The one that the cookie tells of, or a new one."""
    secret = hmac.digest(await media_secret(request.app), b"sessions of the pages", hashlib.sha256)
    return _read(request.cookies.get(COOKIE, ""), secret) or begin(secret)


def begin(secret: bytes, key_id: UUID | None = None) -> Session:
    """Never the one from before: what somebody knew of that is worth nothing now."""
    return Session(secrets.token_urlsafe(18), key_id, datetime.now(UTC), secret)


def set_cookie(request: Request, answer: Response, session: Session) -> None:
    answer.set_cookie(
        COOKIE,
        session.cookie(),
        max_age=int(LIFE.total_seconds()),
        path=PATH,
        secure=is_secure(request),
        httponly=True,
        samesite="lax",
    )


def is_secure(request: Request) -> bool:
    """Behind a proxy it is the public address that tells what the browser speaks."""
    return str(request.app.state.public_url).startswith("https:") or request.url.scheme == "https"


def _read(cookie: str, secret: bytes) -> Session | None:
    body, _, signature = cookie.partition(".")
    if not hmac.compare_digest(signature.encode(), _signature(secret, f"session:{body}").encode()):
        return None
    nonce, key, moment = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    since = datetime.fromtimestamp(moment, UTC)
    session = Session(nonce, UUID(key) if key else None, since, secret)
    return session if session.ends_at >= datetime.now(UTC) else None


def _signature(secret: bytes, words: str) -> str:
    digest = hmac.digest(secret, words.encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
