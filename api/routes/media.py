"""GET /v1/media/{id}: the bytes of a file, whole or in part, for its owner's key or by a signed link."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response, StreamingResponse

from api.answers.byte_range import NotSatisfiable, Part, is_known, wanted_part
from api.answers.file_names import disposition, ending_of, name_of
from api.authentication import Credentials, authenticated, may_use_jobs
from api.media_secret import media_secret
from api.openapi import problem_response
from api.problems import problem
from jobs.db.files import media as media_rows
from jobs.db.files import media_names
from jobs.db.files.media import MediaRow
from jobs.errors import Blame, InvalidInput, NotFound, PermanentError
from jobs.media import MediaStore
from jobs.media_links import LinkRefused, verify

router = APIRouter(prefix="/v1/media", tags=["media"])

# what a browser may show by itself, without running anything that is in it; all else is offered for saving
SHOWN = {"image/png", "image/jpeg", "image/webp", "image/gif", "video/mp4", "application/pdf"}
# for whoever opens all the same what is offered for saving: nothing in it runs, or asks for anything
HARMLESS = "sandbox; default-src 'none'; style-src 'unsafe-inline'"
WHOLE: dict[str, Any] = {
    "description": "The whole file",
    "content": {"*/*": {"schema": {"type": "string", "format": "binary"}}},
    "headers": {
        "ETag": {"description": "The file's SHA-256, in quotes", "schema": {"type": "string"}},
        "Accept-Ranges": {"schema": {"type": "string"}},
    },
}
ANSWERS: dict[int | str, dict[str, Any]] = {
    200: WHOLE,
    206: {**WHOLE, "description": "The part that `Range` asks for"},
    304: {"description": "`If-None-Match` names this version: it is known already"},
    410: problem_response("The link has expired, or the file is kept no longer"),
    416: problem_response("There is no such part in the file"),
}
# answers to HEAD have no body to describe
HEADS: dict[int | str, dict[str, Any]] = {
    status: {"description": text}
    for status, text in {
        200: "The file is there; the headers are those of GET",
        304: "It is known already",
        401: "There is no key, or it is not valid",
        403: "The key lacks the scope, or the link is not valid",
        404: "It does not exist, or belongs to another owner",
        410: "The link has expired, or the file is kept no longer",
        422: "The request is not valid",
        429: "Too many requests",
        500: "Something went wrong on our side",
        503: "Not available at the moment",
    }.items()
}


class MediaGone(PermanentError):
    """It was there, and is not kept any longer."""

    code = "media_gone"
    blame: Blame = "client"


async def reader(
    request: Request,
    credentials: Credentials,
    media_id: UUID,
    expires: Annotated[int | None, Query(ge=0, le=2**53, description="Part of a signed link")] = None,
    signature: Annotated[str | None, Query(max_length=200, description="Part of a signed link")] = None,
) -> str | None:
    """Whose file may be read; None when a link vouches for this one, whosever it is.

    Raises LinkRefused, LinkExpired, or what is wrong with the key.
    """
    if signature is None:
        return (await may_use_jobs(await authenticated(request, credentials))).owner
    if expires is None:
        raise LinkRefused("This link is not valid: a part of it is missing. Read the job again for a whole one.")
    verify(media_id, expires, signature, await media_secret(request.app), now=datetime.now(UTC))
    return None


Reader = Annotated[str | None, Depends(reader)]


@router.get("/{media_id}", response_class=StreamingResponse, responses=ANSWERS, summary="Read a file")
async def read(request: Request, media_id: UUID, owner: Reader) -> Response:
    """With the owner's key, or by the signed link in a job's `urls.media`, which needs no key and expires.

    Understands `Range` (one range, also of the last bytes), `If-Range` and `If-None-Match`.
    """
    row = await _row(request, media_id, owner)
    if is_known(_etag(row), request.headers.get("if-none-match")):
        return Response(status_code=304, headers=_version(row))
    try:
        part = wanted_part(
            row.size, _etag(row), asked=request.headers.get("range"), only_if=request.headers.get("if-range")
        )
    except NotSatisfiable:
        wrong = InvalidInput(f"The file has {row.size:,} bytes; Range asks beyond them.", code="range_not_satisfiable")
        return problem(request, wrong, status=416, headers={"Content-Range": f"bytes */{row.size}"})
    whole = Part(0, row.size)
    chunks = await _open(request, row, part or whole)
    headers = await _described(request, row, part or whole) | (
        {"Content-Range": _content_range(row, part)} if part else {}
    )
    return StreamingResponse(chunks, 206 if part else 200, headers)


@router.head("/{media_id}", response_class=Response, responses=HEADS, summary="Is a file there, and what is it?")
async def look(request: Request, media_id: UUID, owner: Reader) -> Response:
    row = await _row(request, media_id, owner)
    if is_known(_etag(row), request.headers.get("if-none-match")):
        return Response(status_code=304, headers=_version(row))
    return Response(headers=await _described(request, row, Part(0, row.size)))


async def _row(request: Request, media_id: UUID, owner: str | None) -> MediaRow:
    async with request.app.state.database.statement() as connection:
        row = await media_rows.get(connection, media_id)
    if row is None or owner not in (None, row.owner):
        raise NotFound(f"There is no file {media_id}.")
    if row.expires_at and row.expires_at <= datetime.now(UTC):
        raise MediaGone(
            f"The file was kept until {row.expires_at:%Y-%m-%d %H:%M} UTC. Run the job again for a new one."
        )
    return row


async def _open(request: Request, row: MediaRow, part: Part) -> AsyncIterator[bytes]:
    store: MediaStore = request.app.state.media
    try:
        return await store.open_range(row.key, part.start, part.stop)
    except FileNotFoundError:
        raise MediaGone("The file is not in the media store any more. Run the job again for a new one.") from None


def _etag(row: MediaRow) -> str:
    return f'"{row.sha256}"'


def _version(row: MediaRow) -> dict[str, str]:
    return {"ETag": _etag(row), "Cache-Control": "private"}


async def _described(request: Request, row: MediaRow, part: Part) -> dict[str, str]:
    shown = row.content_type in SHOWN
    name = await _name(request, row)
    plain = f"{row.id}.{ending_of(row.content_type)}"
    return (
        _version(row)
        | ({} if shown else {"Content-Security-Policy": HARMLESS})
        | {
            "Content-Type": row.content_type,
            "Content-Length": str(part.stop - part.start),
            "Content-Disposition": disposition("inline" if shown else "attachment", plain, name),
            "Accept-Ranges": "bytes",
            "X-Content-Type-Options": "nosniff",
        }
    )


async def _name(request: Request, row: MediaRow) -> str | None:
    """None for what has no name of its own, such as a picture."""
    if row.content_type.startswith(("image/", "video/")):
        return None
    async with request.app.state.database.statement() as connection:
        called = await media_names.find(connection, row.id)
    return name_of(called) if called else None


def _content_range(row: MediaRow, part: Part) -> str:
    return f"bytes {part.start}-{part.stop - 1}/{row.size}"
