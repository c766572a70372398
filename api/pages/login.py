"""In with a key, out again, and the choice of a language."""

from fastapi import Request
from starlette.responses import RedirectResponse, Response

from api.pages.client_address import address_of
from api.pages.rendering import page, page_router, seen, too_often
from api.pages.sessions import COOKIE, PATH, Session, begin, is_secure, set_cookie
from api.pages.visits import HOME, LANGUAGE_COOKIE, AnyVisit, Visit, form_of, safe_way
from api.pages.words import words
from api.rate_limits import require_room
from jobs.companion.wording import LOCALES
from jobs.db.access import api_keys, page_logins, page_sessions
from jobs.db.access.api_keys import PresentedKey
from jobs.errors import TooManyRequests

router = page_router()

LONGEST_KEY = 200
YEAR = 365 * 86_400


@router.get("/login")
async def show(visit: AnyVisit, next: str = HOME) -> Response:
    if visit.caller:
        return seen(safe_way(next))
    return page(visit, "login.html", back=safe_way(next), said=None)


@router.post("/login")
async def enter(visit: AnyVisit) -> Response:
    form = await form_of(visit)
    back = safe_way(form.get("next"))
    try:
        key = await _key(visit, str(form.get("key", "")).strip()[:LONGEST_KEY])
    except TooManyRequests as error:
        said, headers = too_often(visit, error)
        answer: Response = page(visit, "login.html", status=429, back=back, said=said)
        answer.headers.update(headers)
        return answer
    if key is None:
        said = words(visit.locale)["login_refused"]
        return page(visit, "login.html", status=401, back=back, said=said)
    answer = seen(back)
    set_cookie(visit.request, answer, await _begin(visit, key))
    return answer


@router.post("/logout")
async def leave(visit: AnyVisit) -> Response:
    """The session ends for whoever has a copy of its cookie; with `everywhere`, so do all that the same key began."""
    form = await form_of(visit)
    end = page_sessions.end_all if form.get("everywhere") else page_sessions.end
    async with visit.request.app.state.database.statement() as connection:
        await end(connection, visit.session.nonce)
    answer = seen("/login")
    answer.delete_cookie(COOKIE, path=PATH, secure=is_secure(visit.request), httponly=True, samesite="lax")
    return answer


@router.get("/language/{locale}")
async def choose_language(request: Request, locale: str, next: str = HOME) -> RedirectResponse:
    answer = seen(safe_way(next))
    if locale in LOCALES:
        answer.set_cookie(LANGUAGE_COOKIE, locale, max_age=YEAR, path=PATH, secure=is_secure(request), samesite="lax")
    return answer


async def _key(visit: Visit, given: str) -> PresentedKey | None:
    """None for one that is not good for these pages. Raises TooManyRequests, of the address or of the key."""
    database, address = visit.request.app.state.database, address_of(visit.request, visit.session.secret)
    async with database.statement() as connection:
        wait = await page_logins.count(connection, address)
    if wait:
        raise TooManyRequests("There were too many tries to log in from this address.", retry_in=wait)
    async with database.statement() as connection:
        key = await api_keys.present(connection, given)
    if key is None or {"jobs", "admin"}.isdisjoint(key.scopes):
        return None
    async with database.statement() as connection:
        await page_logins.give_back(connection, address)
    require_room(key)
    return key


async def _begin(visit: Visit, key: PresentedKey) -> Session:
    """A new one in place of any that this browser had."""
    session = begin(visit.session.secret, key.id)
    async with visit.request.app.state.database.transaction() as connection:
        await page_sessions.end(connection, visit.session.nonce)
        await page_sessions.begin(connection, session.nonce, key.id, session.ends_at)
    return session
