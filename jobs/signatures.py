"""Is a webhook what its sender signed? Standard Webhooks 1.0: `v1` (HMAC-SHA256) and `v1a` (ed25519), both ways."""

import base64
import binascii
import hashlib
import hmac
import json
import secrets as random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

SECRET_PREFIX = "whsec_"  # noqa: S105 - what a secret begins with
PUBLIC_PREFIX = "whpk_"
SECRET_BYTES = 32
SHORTEST_SECRET, LONGEST_SECRET = 24, 64
TOLERANCE = 300
HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature")


class NotVerified(ValueError):
    """`check` is stable and meant for programs, the sentence says which check failed and what to look at."""

    def __init__(self, check: str, detail: str) -> None:
        super().__init__(detail)
        self.check = check
        self.detail = detail


@dataclass(frozen=True)
class SigningKey:
    """An ed25519 key pair as its raw 32 bytes each; `id` is the `kid` under which the public half is published."""

    id: str
    private: bytes
    public: bytes

    @property
    def public_text(self) -> str:
        return PUBLIC_PREFIX + base64.b64encode(self.public).decode()


def new_secret() -> str:
    return SECRET_PREFIX + base64.b64encode(random.token_bytes(SECRET_BYTES)).decode()


def new_signing_key() -> SigningKey:
    # doors must start quickly, and few of them ever make a key
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    private = Ed25519PrivateKey.generate()
    public = private.public_key().public_bytes_raw()
    return SigningKey(hashlib.sha256(public).hexdigest()[:16], private.private_bytes_raw(), public)


def secret_bytes(secret: str) -> bytes:
    """Raises ValueError with a sentence unless it is `whsec_` and base64 of 24 to 64 bytes."""
    if not secret.startswith(SECRET_PREFIX):
        raise ValueError(f"A signing secret begins with {SECRET_PREFIX}.")
    key = _decoded(secret.removeprefix(SECRET_PREFIX))
    if key is None:
        raise ValueError(f"What follows {SECRET_PREFIX} in a signing secret is base64.")
    if not SHORTEST_SECRET <= len(key) <= LONGEST_SECRET:
        raise ValueError(f"A signing secret has {SHORTEST_SECRET} to {LONGEST_SECRET} bytes; this one has {len(key)}.")
    return key


def sign(
    webhook_id: str, at: datetime, body: bytes, secrets: Sequence[str], keys: Sequence[SigningKey] = ()
) -> dict[str, str]:
    """The three headers of one attempt made `at` this moment: a signature for each secret and for each key."""
    timestamp = str(int(at.timestamp()))
    content = _signed_content(webhook_id, timestamp, body)
    signatures = [f"v1,{_text(_hmac(secret_bytes(secret), content))}" for secret in secrets]
    signatures += [f"v1a,{_text(_ed25519(key.private, content))}" for key in keys]
    return dict(zip(HEADERS, (webhook_id, timestamp, " ".join(signatures)), strict=True))


def verify(
    headers: Mapping[str, str],
    body: bytes,
    *,
    secrets: Sequence[str] = (),
    public_keys: Sequence[bytes] = (),
    now: datetime | None = None,
    tolerance: float = TOLERANCE,
) -> str:
    """The version (`v1` or `v1a`) of the signature that matches. Raises NotVerified and says which check failed."""
    webhook_id, timestamp, signatures = _required(headers)
    _require_recent(timestamp, now or datetime.now(UTC), tolerance)
    offered = list(_parsed(signatures))
    content = _signed_content(webhook_id, timestamp, body)
    version = _matching(offered, content, secrets, public_keys)
    if version:
        return version
    _require_known(offered, secrets, public_keys)
    for changed, words in _rewritten(body):
        if _matching(offered, _signed_content(webhook_id, timestamp, changed), secrets, public_keys):
            raise NotVerified("body_changed", f"{words} Verify the bytes of the body exactly as they arrived.")
    raise NotVerified(
        "no_match",
        "No signature matches. Either the secret is not this endpoint's, or the body, the webhook-id or the"
        " webhook-timestamp is not the one that was signed.",
    )


def _required(headers: Mapping[str, str]) -> tuple[str, str, str]:
    given = {name.lower(): value.strip() for name, value in headers.items()}
    missing = [name for name in HEADERS if not given.get(name)]
    if missing:
        words = f"The header {missing[0]} is" if len(missing) == 1 else f"The headers {', '.join(missing)} are"
        raise NotVerified("missing_header", f"{words} missing. A proxy in between may have dropped it.")
    webhook_id, timestamp, signatures = (given[name] for name in HEADERS)
    if "." in webhook_id:
        raise NotVerified("malformed_id", "The webhook-id holds a dot, which none of ours does.")
    return webhook_id, timestamp, signatures


def _require_recent(timestamp: str, now: datetime, tolerance: float) -> None:
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        raise NotVerified("malformed_timestamp", "The webhook-timestamp is not a number of seconds since 1970.")
    age = now.timestamp() - int(timestamp)
    limit = f"{tolerance:.0f} s are allowed. Check the clock of this machine"
    if age > tolerance:
        raise NotVerified("timestamp_too_old", f"The attempt was signed {age:.0f} s ago, and {limit}.")
    if age < -tolerance:
        raise NotVerified("timestamp_too_new", f"The attempt was signed {-age:.0f} s in the future, and {limit}.")


def _parsed(signatures: str) -> Iterator[tuple[str, bytes]]:
    for each in signatures.split():
        version, comma, text = each.partition(",")
        if not comma:
            raise NotVerified("malformed_signature", "A part of webhook-signature does not read version,signature.")
        signature = _decoded(text)
        if version in ("v1", "v1a") and not signature:
            raise NotVerified("malformed_signature", f"The {version} signature in webhook-signature is not base64.")
        yield version, signature or b""


def _matching(
    offered: Sequence[tuple[str, bytes]], content: bytes, secrets: Sequence[str], public_keys: Sequence[bytes]
) -> str | None:
    expected = [_hmac(secret_bytes(secret), content) for secret in secrets]
    for version, signature in offered:
        if version == "v1" and any(hmac.compare_digest(signature, each) for each in expected):
            return version
        if version == "v1a" and any(_is_ed25519(key, signature, content) for key in public_keys):
            return version
    return None


def _require_known(offered: Sequence[tuple[str, bytes]], secrets: Sequence[str], public_keys: Sequence[bytes]) -> None:
    known = {version for version, given in (("v1", secrets), ("v1a", public_keys)) if given}
    if not known & {version for version, _ in offered}:
        found = ", ".join(sorted({version for version, _ in offered})) or "none"
        wanted = " or ".join(sorted(known)) or "no secret and no key was given, so none"
        raise NotVerified("unknown_version", f"The signatures are of version {found}; what can be checked: {wanted}.")


def _rewritten(body: bytes) -> Iterator[tuple[bytes, str]]:
    """What the body may have been before something between the wire and the check changed it."""
    if body.strip() != body:
        yield body.strip(), "White space was added around the body."
    try:
        parsed = json.loads(body)
        yield as_body(parsed), "The body was parsed and written again before it was verified."
    except (ValueError, RecursionError):
        return


def as_body(content: object) -> bytes:
    """JSON as we write it into webhooks."""
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


def _signed_content(webhook_id: str, timestamp: str, body: bytes) -> bytes:
    return f"{webhook_id}.{timestamp}.".encode() + body


def _hmac(key: bytes, content: bytes) -> bytes:
    return hmac.digest(key, content, "sha256")


def _ed25519(private: bytes, content: bytes) -> bytes:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(private).sign(content)


def _is_ed25519(public: bytes, signature: bytes, content: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, content)
    except InvalidSignature:
        return False
    return True


def _text(signature: bytes) -> str:
    return base64.b64encode(signature).decode()


def _decoded(text: str) -> bytes | None:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (ValueError, binascii.Error):
        return None
