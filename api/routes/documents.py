"""/v1/documents: upload documents, see whether they could be read, read their text, delete them."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request
from starlette.responses import JSONResponse, Response

from api.answers import document_view
from api.answers.document_view import DocumentAnswer, DocumentPage, DocumentText
from api.answers.paging import cursor_of, place_of
from api.authentication import JobsCaller
from api.openapi import problem_response
from api.requests import document_upload
from jobs import uploading
from jobs.db.analyses import documents
from jobs.errors import NotFound

router = APIRouter(prefix="/v1/documents", tags=["documents"])

MOST_PAGES_AT_ONCE = 100
IdempotencyKey = Annotated[
    str | None,
    Header(description="1 to 255 characters. A repeated request with the same key gets the first one's answer again."),
]
FORM: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "contentMediaType": "application/octet-stream"}},
                }
            }
        },
    }
}


@router.post(
    "",
    status_code=202,
    summary="Upload a document",
    response_model=DocumentAnswer,
    openapi_extra=FORM,
    responses={
        200: {"model": DocumentAnswer, "description": "You have this document already: the same bytes are one."},
        202: {"description": "Stored, and being read. `Location` is where to look at it."},
        409: problem_response("The first request with this Idempotency-Key is still being served"),
    },
)
async def upload(request: Request, caller: JobsCaller, idempotency_key: IdempotencyKey = None) -> Response:
    """PDF, DOCX, HTML, Markdown, CSV or plain text of up to 50 MB and 2,000 pages, in the part `file` of a form.

    The format is told from the content, never from the name. A job reads it; its events tell how far it is.
    """
    del idempotency_key  # read from the request where it is needed
    return (await document_upload.take_in(request, caller)).response()


@router.get("", summary="List documents, the newest first", response_model=DocumentPage)
async def list_documents(
    request: Request,
    caller: JobsCaller,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> Response:
    async with request.app.state.database.statement() as connection:
        found = await documents.page(connection, caller.owner, limit + 1, before=place_of(cursor))
    shown, more = found[:limit], len(found) > limit
    views = [document_view.view(each, request.app.state.public_url) for each in shown]
    following = cursor_of(shown[-1].created_at, shown[-1].id) if more else None
    return JSONResponse({"documents": views, "has_more": more, "next": following})


@router.get("/{document_id}", summary="Read a document's state", response_model=DocumentAnswer)
async def read(request: Request, caller: JobsCaller, document_id: UUID) -> Response:
    async with request.app.state.database.statement() as connection:
        document = await documents.get(connection, caller.owner, document_id)
    if document is None:
        raise _nothing(document_id)
    return JSONResponse(document_view.view(document, request.app.state.public_url))


@router.get("/{document_id}/pages", summary="Read a document's text", response_model=DocumentText)
async def read_pages(
    request: Request,
    caller: JobsCaller,
    document_id: UUID,
    after: Annotated[int, Query(ge=0, le=1_000_000, description="The last page that you have")] = 0,
    limit: Annotated[int, Query(ge=1, le=MOST_PAGES_AT_ONCE)] = 20,
) -> Response:
    """Page by page, as it was read; nothing before it is completed."""
    async with request.app.state.database.transaction() as connection:
        if await documents.get(connection, caller.owner, document_id) is None:
            raise _nothing(document_id)
        found = await documents.pages(connection, document_id, after=after, limit=limit + 1)
    shown, more = found[:limit], len(found) > limit
    pages = [{"page": each.page, "text": each.text} for each in shown]
    return JSONResponse({"pages": pages, "has_more": more, "next": shown[-1].page if more else None})


@router.delete(
    "/{document_id}",
    status_code=204,
    summary="Delete a document",
    response_class=Response,
    responses={409: problem_response("A comparison uses the document")},
)
async def delete(request: Request, caller: JobsCaller, document_id: UUID) -> Response:
    """With its text and its bytes. If it is still being read, that is stopped."""
    state = request.app.state
    await uploading.remove(state.database, state.media, state.intake, caller.owner, document_id)
    return Response(status_code=204)


def _nothing(document_id: UUID) -> NotFound:
    return NotFound(f"There is no document {document_id}.")
