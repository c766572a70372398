"""From a multipart request to a document of the caller's: for /v1/documents, and for pages that have the same form."""

from fastapi import Request
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException

from api.answers import document_view
from api.authentication import Caller
from api.requests import idempotency
from api.requests.acceptance import Acceptance
from api.requests.idempotency import Answer
from jobs import uploading
from jobs.db.files.media import StoredFile
from jobs.errors import Conflict, InvalidInput
from jobs.uploading import BytesNeeded, Upload

PART = "file"
BAD_REQUEST = 400
MOST_FIELDS = 5
# a document may go away at the moment in which it comes again; not each time
MOST_TRIES = 3


async def take_in(request: Request, caller: Caller) -> Answer:
    """202 and the document, which is read from now on; 200 where the caller has it already.

    The request's body is received here, after its caller is known: a large part of it waits in a file.
    """
    form = await _form(request)
    try:
        part = _part(form)
        upload = await uploading.examined(part.file, part.filename or "")
        return await _entered(request, caller, upload)
    finally:
        await form.close()


async def _form(request: Request) -> FormData:
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise InvalidInput(
            f"A document comes as multipart/form-data, in a part with the name {PART}.", code="unsupported_media_type"
        )
    try:
        return await request.form(max_files=1, max_fields=MOST_FIELDS)
    except HTTPException as error:
        if error.status_code != BAD_REQUEST:
            raise
        raise InvalidInput(f"The body is not a form with one file: {error.detail}", code="malformed_form") from None


def _part(form: FormData) -> UploadFile:
    part = form.get(PART)
    if isinstance(part, UploadFile):
        return part
    detail = f"The form needs a part with the name {PART}, which has the document and its file name."
    raise InvalidInput(detail, errors=[{"pointer": f"/{PART}", "detail": detail}], code="invalid_request")


async def _entered(request: Request, caller: Caller, upload: Upload) -> Answer:
    state = request.app.state
    for _ in range(MOST_TRIES):
        stored = await uploading.keep_bytes(state.database, state.media, caller.owner, upload)
        try:
            return await _in_transaction(request, caller, upload, stored)
        except BytesNeeded:
            continue
        finally:
            await uploading.discard(state.database, state.media, stored)
    raise Conflict("The document is being deleted at this moment. Upload it again.")


async def _in_transaction(request: Request, caller: Caller, upload: Upload, stored: StoredFile | None) -> Answer:
    state = request.app.state
    async with state.database.transaction() as connection:
        admit = Acceptance(connection, caller, state.intake, state.personas).require_room

        async def make() -> Answer:
            entered = await uploading.enter(connection, state.intake, caller.owner, upload, stored, admit)
            shown = document_view.view(entered.document, state.public_url)
            return Answer(202 if entered.is_new else 200, shown, {"Location": shown["urls"]["self"]})

        return await idempotency.once(connection, request, caller.owner, make, body=f"{upload.sha256} {upload.name}")
