"""One request for a page: whose it is, in which language, and that a form comes from us."""

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import quote

from fastapi import Depends, Request
from starlette.datastructures import FormData

from api.authentication import Caller
from api.pages.sessions import Session, session_of
from jobs.companion.wording import LOCALES, locale_for
from jobs.db import page_keys
from jobs.errors import Forbidden

LANGUAGE_COOKIE = "postgen_language"
CSRF_HEADER = "x-csrf-token"


class LoginNeeded(Exception):
    """`back`: where to go on afterwards."""

    def __init__(self, back: str) -> None:
        self.back = back


@dataclass(frozen=True)
class Visit:
    """`caller` is None for somebody who has not logged in. `where`: path and query of this page."""

    request: Request
    session: Session
    locale: str
    caller: Caller | None
    name: str
    where: str


async def visit_of(request: Request) -> Visit:
    session = await session_of(request)
    key = None
    if session.key_id is not None:
        async with request.app.state.database.statement() as connection:
            key = await page_keys.read(connection, session.key_id)
        request.state.owner = key.owner if key else None
    caller = Caller(key.id, key.owner, frozenset(key.scopes), key.open_jobs, key.suspended) if key else None
    where = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    name = (key.name or key.owner) if key else ""
    return Visit(request, session, language_of(request), caller, name, where)


AnyVisit = Annotated[Visit, Depends(visit_of)]


@dataclass(frozen=True)
class MemberVisit(Visit):
    caller: Caller


async def member_of(visit: AnyVisit) -> MemberVisit:
    """Raises LoginNeeded."""
    if visit.caller is None:
        raise LoginNeeded(visit.where if visit.request.method == "GET" else "/analyses")
    return MemberVisit(visit.request, visit.session, visit.locale, visit.caller, visit.name, visit.where)


Member = Annotated[MemberVisit, Depends(member_of)]


async def form_of(visit: Visit) -> FormData:
    """Raises Forbidden for a form that is not ours, or of another session."""
    form = await visit.request.form(max_files=0, max_fields=300)
    require_ours(visit, form.get("csrf"))
    return form


def require_ours(visit: Visit, token: object) -> None:
    if not visit.session.owns(token):
        raise Forbidden("This form is too old, or of another page. Load the page again.", code="form_expired")


def require_ours_by_header(visit: Visit) -> None:
    require_ours(visit, visit.request.headers.get(CSRF_HEADER))


def language_of(request: Request) -> str:
    """The one chosen here, or the first that the browser asks for and we have."""
    if (chosen := request.cookies.get(LANGUAGE_COOKIE)) in LOCALES:
        return str(chosen)
    asked = [each.partition(";")[0].strip() for each in request.headers.get("accept-language", "").split(",")]
    return locale_for(None, asked[0] if asked else None)


def login_address(back: str) -> str:
    return f"/analyses/login?next={quote(back, safe='')}"


def safe_way(back: object) -> str:
    """Only to these pages, whatever an address says."""
    way = back if isinstance(back, str) else ""
    inside = way == "/analyses" or way.startswith(("/analyses/", "/analyses?"))
    return way if inside and "\\" not in way and way.isprintable() and len(way) < 500 else "/analyses"
