"""One request for a page: whose it is, in which language, and that a form comes from us."""

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import quote

from fastapi import Depends, Request
from starlette.datastructures import FormData

from api import rate_limits
from api.authentication import Caller
from api.pages.sessions import Session, begin, session_of
from jobs.companion.wording import LOCALES, locale_for
from jobs.db.access import page_sessions
from jobs.db.access.page_sessions import SessionKey
from jobs.errors import Forbidden

LANGUAGE_COOKIE = "postgen_language"
ROOMS = ("/analyses", "/worlds")
HOME = ROOMS[0]
CSRF_HEADER = "x-csrf-token"


class LoginNeeded(Exception):
    """`back`: where to go on afterwards."""

    def __init__(self, back: str) -> None:
        self.back = back


@dataclass(frozen=True)
class Visit:
    """`caller` and `key` are None for somebody who has not logged in. `where`: path and query of this page."""

    request: Request
    session: Session
    locale: str
    caller: Caller | None
    name: str
    where: str
    key: SessionKey | None = None

    @property
    def home(self) -> str:
        """The first page of the room in which this one is."""
        return room_of(self.where) or HOME


async def visit_of(request: Request) -> Visit:
    """Counted as a request of the key, once; whether that is too many is told to members only."""
    if (known := getattr(request.state, "visit", None)) is not None:
        assert isinstance(known, Visit)
        return known
    session = await session_of(request)
    key = await _key_of(request, session)
    if session.key_id is not None and key is None:
        session = begin(session.secret)  # it has ended
    caller = Caller(key.id, key.owner, frozenset(key.scopes), key.open_jobs, key.suspended) if key else None
    where = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    name = (key.name or key.owner) if key else ""
    request.state.visit = visit = Visit(request, session, language_of(request), caller, name, where, key)
    return visit


async def _key_of(request: Request, session: Session) -> SessionKey | None:
    """None for who has not logged in, or was logged out since."""
    if session.key_id is None:
        return None
    async with request.app.state.database.statement() as connection:
        key = await page_sessions.present(connection, session.nonce)
    if key is not None:
        request.state.owner = key.owner
        request.state.answer_headers.update(rate_limits.headers(key))
    return key


AnyVisit = Annotated[Visit, Depends(visit_of)]


@dataclass(frozen=True)
class MemberVisit(Visit):
    caller: Caller


async def member_of(visit: AnyVisit) -> MemberVisit:
    """Raises LoginNeeded, and TooManyRequests when the key's minute is used up."""
    if visit.caller is None or visit.key is None:
        raise LoginNeeded(visit.where if visit.request.method == "GET" else visit.home)
    rate_limits.require_room(visit.key)
    return MemberVisit(visit.request, visit.session, visit.locale, visit.caller, visit.name, visit.where, visit.key)


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
    return f"/login?next={quote(back, safe='')}"


def safe_way(back: object) -> str:
    """Only to these pages, whatever an address says."""
    way = back if isinstance(back, str) else ""
    return way if room_of(way) and "\\" not in way and way.isprintable() and len(way) < 500 else HOME


def room_of(way: str) -> str | None:
    return next((room for room in ROOMS if way == room or way.startswith((f"{room}/", f"{room}?"))), None)
