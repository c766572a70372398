"""From a template to an answer with the headers that keep a page from running or sending what is not ours."""

from functools import cache
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import HTMLResponse, RedirectResponse, Response

from api.pages.failure_words import said_first
from api.pages.sessions import session_of, set_cookie
from api.pages.visits import LoginNeeded, Visit, language_of, login_address, visit_of
from api.pages.words import words
from api.problems import UNREACHABLE, seconds_to_wait, status_of
from jobs.companion.wording import LOCALES, say
from jobs.db.commit import may_pass
from jobs.errors import NotFound, PostgenError, TooManyRequests

TEMPLATES = Path(__file__).parent / "templates"
REPORTS = Path(__file__).parents[2] / "jobs" / "reports" / "templates"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
SEE_OTHER = 303


class PageRoute(APIRoute):
    """What goes wrong is a page too, and who is not logged in is led to where one does that."""

    def get_route_handler(self) -> Any:
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await handle(request)
            except LoginNeeded as needed:
                if wants_data(request):
                    return Response(status_code=401)
                return RedirectResponse(login_address(needed.back), SEE_OTHER)
            except RequestValidationError:
                # an address that cannot be one of ours
                return await failure(request, NotFound(f"There is nothing at {request.url.path}."))
            except (SQLAlchemyError, OSError) as error:
                if wants_data(request) or not is_away(error):
                    raise
                return await database_away(request)
            except PostgenError as error:
                if wants_data(request):
                    raise
                return await failure(request, error)

        return answer


def page_router(prefix: str = "") -> APIRouter:
    return APIRouter(prefix=prefix, include_in_schema=False, route_class=PageRoute)


def is_away(error: Exception) -> bool:
    """Whether this is the database, which comes back; anything else is a bug."""
    return isinstance(error, UNREACHABLE) or (isinstance(error, SQLAlchemyError) and may_pass(error))


def wants_data(request: Request) -> bool:
    """Asked by a script of ours, not by a person."""
    return request.headers.get("x-requested-with") == "fetch" or "text/event-stream" in request.headers.get(
        "accept", ""
    )


def page(visit: Visit, template: str, *, status: int = 200, **shown: Any) -> HTMLResponse:
    content = fragment(visit, template, **shown)
    answer = HTMLResponse(content, status, HEADERS)
    set_cookie(visit.request, answer, visit.session)
    return answer


def fragment(visit: Visit, template: str, **shown: Any) -> str:
    texts = words(visit.locale)
    return (
        _environment()
        .get_template(template)
        .render(t=texts, visit=visit, csrf=visit.session.csrf, locale=visit.locale, locales=LOCALES, **shown)
    )


def part(visit: Visit, template: str, **shown: Any) -> HTMLResponse:
    """What a script puts into a page that is open."""
    return HTMLResponse(fragment(visit, template, **shown), headers=HEADERS)


async def failure(request: Request, error: PostgenError) -> HTMLResponse:
    visit = await visit_of(request)
    texts = words(visit.locale)
    if error.code == TooManyRequests.code:
        said, headers = too_often(visit, error)
        again = visit.where if request.method == "GET" else visit.home
        answer = told(visit, texts["failure"], said, status=status_of(error), onward=again)
        answer.headers.update(headers)
        return answer
    said = texts["nothing_here"] if isinstance(error, NotFound) else said_first(visit.locale, error)
    return told(visit, texts["failure"], said, status=status_of(error))


def too_often(visit: Visit, error: PostgenError) -> tuple[str, dict[str, str]]:
    """The sentence for a person, and the header for their program."""
    seconds = seconds_to_wait(error)
    return say(visit.locale, "pages.too_often", seconds=seconds), {"Retry-After": str(seconds)}


async def database_away(request: Request) -> HTMLResponse:
    """Without asking it who this is. Raises what it raises where not even our own secret is known yet."""
    visit = Visit(request, await session_of(request), language_of(request), None, "", request.url.path)
    texts = words(visit.locale)
    again = str(request.url.path) if request.method == "GET" else visit.home
    return told(visit, texts["failure"], texts["database_away"], status=503, onward=again)


def told(visit: Visit, heading: str, said: str, *, status: int, onward: str | None = None) -> HTMLResponse:
    """A page with one sentence, and where to go on: to the beginning of the room, if not told."""
    shown = {"heading": heading, "said": said, "onward": onward or visit.home}
    return page(visit, "failure.html", status=status, **shown)


def seen(way: str) -> RedirectResponse:
    """After a form: loading the page again sends nothing twice."""
    return RedirectResponse(way, SEE_OTHER, HEADERS)


@cache
def _environment() -> Environment:
    return Environment(loader=FileSystemLoader([TEMPLATES, REPORTS]), autoescape=True, undefined=StrictUndefined)
