"""The application: `create_app(["1000:secret"])`, to be served by uvicorn."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, PlainTextResponse

from sandbox.bot_api.connection import DroppableApp
from sandbox.bot_api.errors import BotApiError, NotPossibleError, UnknownError
from sandbox.bot_api.options import BotAccount, SandboxOptions
from sandbox.bot_api.routes import control_users, control_watching
from sandbox.bot_api.routes.bot_methods import bot_routes
from sandbox.bot_api.routes.chat_page import page_routes
from sandbox.bot_api.sandbox import Sandbox


def create_app(bots: Sequence[str | BotAccount], options: SandboxOptions | None = None) -> FastAPI:
    """A server for these bots (tokens, or accounts with a name). `app.state.sandbox` is the Sandbox behind it."""
    accounts = [BotAccount(bot) if isinstance(bot, str) else bot for bot in bots]
    sandbox = Sandbox(accounts, options or SandboxOptions())

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        await sandbox.close()

    app = DroppableApp(title="Postgen sandbox: Bot API", lifespan=lifespan)
    app.state.sandbox = sandbox
    app.router.routes.extend(bot_routes(sandbox))
    app.router.routes.extend(page_routes(sandbox))
    app.include_router(control_users.router)
    app.include_router(control_watching.router)
    app.add_api_route("/healthz", healthy, methods=["GET"], response_class=PlainTextResponse)
    app.add_exception_handler(NotPossibleError, says(409))
    app.add_exception_handler(UnknownError, says(404))
    app.add_exception_handler(BotApiError, says(400))
    return app


async def healthy() -> str:
    return "ok"


def says(status: int) -> Callable[[Request, Exception], JSONResponse]:
    def answer(request: Request, problem: Exception) -> JSONResponse:
        return JSONResponse({"detail": str(problem)}, status)

    return answer
