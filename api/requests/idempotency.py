"""A request that is repeated because its answer was lost: it gets the same answer, and nothing is made twice."""

import hashlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import JSONResponse

from jobs.db.work import idempotency
from jobs.db.work.idempotency import Record
from jobs.errors import Conflict, InvalidInput
from jobs.storable import is_storable

HEADER = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"
LONGEST_KEY = 255


@dataclass(frozen=True)
class Answer:
    """What is stored, and given again."""

    status_code: int
    body: dict[str, Any]
    headers: dict[str, str]
    replayed: bool = False

    def response(self) -> JSONResponse:
        more = {REPLAYED: "true"} if self.replayed else {}
        return JSONResponse(self.body, self.status_code, {**self.headers, **more})


async def once(
    connection: AsyncConnection,
    request: Request,
    owner: str,
    make: Callable[[], Awaitable[Answer]],
    *,
    body: str | None = None,
) -> Answer:
    """`make` and keep its answer, in the caller's transaction; or the answer kept from the first time.

    Without the header this is just `make`. Raises Conflict while the first request is being served, and InvalidInput
    for a key that came with another request before. What is refused is not kept: the key is free again.
    `body`: what tells this request's body from others, where that is not JSON.
    """
    key = _key(request)
    if key is None:
        return await make()
    if not await idempotency.lock(connection, owner, key):
        raise Conflict(
            "Another request with this Idempotency-Key is being served. Send this one again after a moment.",
            code="idempotency_key_in_use",
        )
    fingerprint = await _fingerprint(request, body)
    record = await idempotency.find(connection, owner, key)
    if record is None:
        answer = await make()
        made = Record(fingerprint, answer.status_code, answer.headers, answer.body)
        await idempotency.store(connection, owner, key, made)
        return answer
    if record.fingerprint != fingerprint:
        raise InvalidInput(
            f"This Idempotency-Key came with another request within the last {idempotency.KEPT_HOURS} hours."
            " Use a new key for a new request.",
            code="idempotency_key_reused",
            errors=[{"parameter": HEADER, "in": "header", "detail": "It belongs to another request."}],
        )
    return Answer(record.status_code, record.body, record.headers, replayed=True)


def _key(request: Request) -> str | None:
    """Quoted, as the draft has it, or not."""
    key = request.headers.get(HEADER)
    if key is None:
        return None
    if len(key) > 1 and key[0] == key[-1] == '"':
        key = key[1:-1]
    if not key or len(key) > LONGEST_KEY or not is_storable(key):
        detail = f"It is 1 to {LONGEST_KEY} characters long."
        errors = [{"parameter": HEADER, "in": "header", "detail": detail}]
        raise InvalidInput(f"The Idempotency-Key is not valid. {detail}", code="invalid_request", errors=errors)
    return key


async def _fingerprint(request: Request, body: str | None) -> bytes:
    """The same whatever the order of the members and the spaces between them."""
    if body is None:
        body = json.dumps(await request.json(), sort_keys=True) if await request.body() else ""
    return hashlib.sha256("\n".join([request.method, request.url.path, request.url.query, body]).encode()).digest()
