"""Links to stored files that need no key: signed with a secret that all processes of an installation share.

Who has such a link may read that one file until the link expires, and nothing else.
"""

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from uuid import UUID

from jobs.errors import Blame, Forbidden, PermanentError

# the name of its row in installation_secrets
SECRET_NAME = "media_links"  # noqa: S105 - the name of a secret is none
# for a file whose job does not say when it goes
DEFAULT_LIFE = timedelta(hours=24)
HOUR = 3600


class LinkRefused(Forbidden):
    """The signature is not ours, or belongs to another file or another time."""

    code = "link_not_valid"


class LinkExpired(PermanentError):
    """It was good until a moment ago, or longer."""

    code = "link_expired"
    blame: Blame = "client"


def media_url(media_id: UUID, secret: bytes, *, expires_at: datetime | None = None, public_url: str = "") -> str:
    """The same link whenever it is asked for within the hour, so that caches may know it again.

    `expires_at`: when its job does. `public_url` stands before the path; without it the link is relative.
    """
    moment = int((expires_at or _on_the_hour(datetime.now(UTC) + DEFAULT_LIFE)).timestamp())
    return f"{public_url.rstrip('/')}/v1/media/{media_id}?expires={moment}&signature={sign(media_id, moment, secret)}"


def sign(media_id: UUID, expires: int, secret: bytes) -> str:
    """`expires` in seconds since 1970. The result can stand in an address as it is."""
    digest = hmac.digest(secret, f"media:{media_id}:{expires}".encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def verify(media_id: UUID, expires: int, signature: str, secret: bytes, *, now: datetime) -> None:
    """Raises LinkRefused or LinkExpired; of a link that is not ours nobody learns whether it has expired."""
    if not hmac.compare_digest(sign(media_id, expires, secret).encode(), signature.encode()):
        raise LinkRefused("This link is not valid: it was changed, or is of another installation. Read the job again.")
    if expires <= now.timestamp():
        ended = datetime.fromtimestamp(expires, UTC)
        raise LinkExpired(f"This link expired at {ended:%Y-%m-%d %H:%M} UTC. Read the job again: it has a fresh one.")


def _on_the_hour(moment: datetime) -> datetime:
    seconds = -(-int(moment.timestamp()) // HOUR) * HOUR
    return datetime.fromtimestamp(seconds, UTC)
