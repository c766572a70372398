"""In with a key, out again, and the choice of a language."""

from fastapi import Request
from starlette.responses import RedirectResponse, Response

from api.authentication import Caller
from api.pages.rendering import page, page_router, seen
from api.pages.sessions import COOKIE, PATH, begin, is_secure, set_cookie
from api.pages.visits import LANGUAGE_COOKIE, AnyVisit, Visit, form_of, safe_way
from api.pages.words import words
from api.rate_limits import require_room
from jobs.companion.wording import LOCALES
from jobs.db import api_keys

router = page_router()

LONGEST_KEY = 200
YEAR = 365 * 86_400


@router.get("/login")
async def show(visit: AnyVisit, next: str = "/analyses") -> Response:
    if visit.caller:
        return seen(safe_way(next))
    return page(visit, "login.html", back=safe_way(next), said=None)


@router.post("/login")
async def enter(visit: AnyVisit) -> Response:
    form = await form_of(visit)
    back = safe_way(form.get("next"))
    caller = await _caller(visit, str(form.get("key", "")).strip()[:LONGEST_KEY])
    if caller is None:
        said = words(visit.locale)["login_refused"]
        return page(visit, "login.html", status=401, back=back, said=said)
    answer = seen(back)
    set_cookie(visit.request, answer, begin(visit.session.secret, caller.key_id))
    return answer


@router.post("/logout")
async def leave(visit: AnyVisit) -> Response:
    await form_of(visit)
    answer = seen("/analyses/login")
    answer.delete_cookie(COOKIE, path=PATH, secure=is_secure(visit.request), httponly=True, samesite="lax")
    return answer


@router.get("/language/{locale}")
async def choose_language(request: Request, locale: str, next: str = "/analyses") -> RedirectResponse:
    answer = seen(safe_way(next))
    if locale in LOCALES:
        answer.set_cookie(LANGUAGE_COOKIE, locale, max_age=YEAR, path=PATH, secure=is_secure(request), samesite="lax")
    return answer


async def _caller(visit: Visit, given: str) -> Caller | None:
    """None for a key that is not good for these pages. Raises TooManyRequests."""
    async with visit.request.app.state.database.statement() as connection:
        key = await api_keys.present(connection, given)
    if key is None or {"jobs", "admin"}.isdisjoint(key.scopes):
        return None
    require_room(key)
    return Caller(key.id, key.owner, frozenset(key.scopes), key.open_jobs, key.suspended)
