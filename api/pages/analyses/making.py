"""A new analysis: documents come in, one chooses among them and says what to look for."""

import re
from collections.abc import Sequence
from uuid import UUID

from starlette.datastructures import FormData
from starlette.responses import JSONResponse, Response

from api.content_blocks import note
from api.pages.analyses.beginning import Given, begin
from api.pages.analyses.document_words import document_line
from api.pages.failure_words import said_first
from api.pages.rendering import page, page_router, seen
from api.pages.visits import Member, MemberVisit, form_of, require_ours_by_header
from api.pages.words import words
from api.problems import status_of
from api.requests import document_upload
from api.requests.comparison_making import MODEL_NAME, MOST_DOCUMENTS
from jobs.db.analyses import documents, report_preferences
from jobs.documents.extractor.limits import LARGEST_FILE
from jobs.documents.refusals import refusal
from jobs.errors import ContentBlocked, InvalidInput, NotFound, PostgenError, TooManyRequests
from jobs.reports.formats import FORMATS
from jobs.reports.labels import looks_for
from jobs.safety.blocked import Blocked

router = page_router("/analyses")

# the newest; older ones can be compared through the API
DOCUMENTS_SHOWN = 50


@router.get("/new")
async def show(visit: Member) -> Response:
    async with visit.request.app.state.database.statement() as connection:
        chosen = await report_preferences.read(connection, visit.caller.owner)
    given = Given(language=chosen.language or visit.locale, report_formats=chosen.report_formats)
    return await _form_page(visit, given)


@router.post("")
async def make(visit: Member) -> Response:
    given = _given(await form_of(visit))
    texts = words(visit.locale)
    problem = _problem(given)
    if problem:
        return await _form_page(visit, given, said=texts[problem])
    try:
        comparison_id = await begin(visit, given)
    except (InvalidInput, ContentBlocked, TooManyRequests) as error:
        if isinstance(error, Blocked):
            await note(visit.request, error)
        return await _form_page(visit, given, said=said_first(visit.locale, error))
    return seen(f"/analyses/{comparison_id}")


@router.post("/documents")
async def upload(visit: Member) -> Response:
    """For the script of the form."""
    require_ours_by_header(visit)
    try:
        answer = await document_upload.take_in(visit.request, visit.caller)
    except PostgenError as error:
        return JSONResponse({"detail": said_first(visit.locale, error)}, status_of(error))
    return await _line(visit, UUID(answer.body["id"]), answer.status_code)


@router.get("/documents/{document_id}")
async def document(visit: Member, document_id: UUID) -> Response:
    return await _line(visit, document_id, 200)


async def _line(visit: MemberVisit, document_id: UUID, status: int) -> Response:
    async with visit.request.app.state.database.statement() as connection:
        found = await documents.get(connection, visit.caller.owner, document_id)
    if found is None:
        raise NotFound(f"There is no document {document_id}.")
    return JSONResponse(document_line(visit.locale, found).as_json(), status)


async def _form_page(visit: MemberVisit, given: Given, said: str | None = None) -> Response:
    async with visit.request.app.state.database.statement() as connection:
        found = await documents.page(connection, visit.caller.owner, DOCUMENTS_SHOWN)
    lines = [document_line(visit.locale, each) for each in found]
    shown = {
        "documents": lines,
        "chosen": {each.id for each in lines if str(each.id) in given.documents},
        "looks_for": looks_for(visit.locale),
        "formats": FORMATS,
        "given": given,
        "largest": LARGEST_FILE,
        "too_large": said_first(visit.locale, refusal("document_too_large")),
    }
    return page(visit, "analyses/making.html", status=422 if said else 200, said=said, **shown)


def _given(form: FormData) -> Given:
    return Given(
        title=_text(form, "title"),
        documents=_texts(form, "document"),
        looks_for=_texts(form, "looks_for"),
        question=_text(form, "question"),
        model=_text(form, "model"),
        language="ru" if form.get("language") == "ru" else "en",
        report_formats=tuple(each for each in FORMATS if each in _texts(form, "report_format")),
        remember=form.get("remember") == "yes",
    )


def _problem(given: Given) -> str | None:
    """What is missing, as the name of a text."""
    if len(given.documents) < 2:
        return "two_documents"
    if len(given.documents) > MOST_DOCUMENTS:
        return "too_many_documents"
    if not given.looks_for and not given.question:
        return "nothing_to_look_for"
    if not given.title:
        return "no_title"
    if not re.match(MODEL_NAME, given.model):
        return "no_model_name"
    return None if given.report_formats else "no_format"


def _text(form: FormData, name: str) -> str:
    value = form.get(name)
    return value.strip() if isinstance(value, str) else ""


def _texts(form: FormData, name: str) -> tuple[str, ...]:
    values: Sequence[object] = form.getlist(name)
    return tuple(dict.fromkeys(value for value in values if isinstance(value, str)))
