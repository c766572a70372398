"""`/`: the chat page, one HTML file with its style and script, nothing from elsewhere."""

import json
from pathlib import Path
from string import Template

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Route

from sandbox.bot_api.sandbox import Sandbox
from sandbox.bot_api.wire import Wire

PAGE = Path(__file__).parent.parent / "page"
STYLE, SCRIPTS = "page.css", ("page.js", "state.js", "drawing.js", "bubbles.js", "texts.js")
ASSETS = {STYLE: "text/css", **dict.fromkeys(SCRIPTS, "text/javascript")}
POLICY = "default-src 'self'; img-src 'self' blob: data:; style-src 'self'; base-uri 'none'; frame-ancestors 'none'"


def page_routes(sandbox: Sandbox) -> list[Route]:
    template = Template((PAGE / "index.html").read_text(encoding="utf-8"))

    async def show_page(request: Request) -> Response:
        start = page_start(sandbox, number(request, "user"), number(request, "bot"))
        language = next((user["language_code"] for user in start["users"] if user["id"] == start["user_id"]), "en")
        page = template.substitute(language=language[:2], start=as_script_data(start))
        return HTMLResponse(page, headers={"Content-Security-Policy": POLICY, "Cache-Control": "no-store"})

    async def show_asset(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in ASSETS:
            return Response(status_code=404)
        return FileResponse(PAGE / name, media_type=ASSETS[name], headers={"Cache-Control": "no-cache"})

    return [Route("/", show_page), Route("/page/{name}", show_asset)]


def page_start(sandbox: Sandbox, user_id: int | None, bot_id: int | None) -> Wire:
    """What the page needs before its first request; unknown numbers in the address are passed over."""
    bot = sandbox.bot(bot_id if bot_id in sandbox.bots else None)
    chosen = user_id if user_id in sandbox.users.by_id else next(iter(sandbox.users.by_id), None)
    return {
        "bot": bot.wire(),
        "bots": [other.wire() for other in sandbox.bots.values()],
        "users": [user.wire() for user in sandbox.users],
        "seq": sandbox.events.last_seq,
        "user_id": chosen,
        "user_named": user_id == chosen and user_id is not None,
    }


def number(request: Request, name: str) -> int | None:
    given = request.query_params.get(name, "")
    return int(given) if given.isdigit() else None


def as_script_data(value: Wire) -> str:
    """JSON that cannot end the script element around it."""
    return json.dumps(value).replace("<", "\\u003c")
