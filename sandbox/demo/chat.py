"""The demo's chat page: `python -m sandbox.demo.chat --port 8090 --archive FILE`. Its chats outlive it."""

import argparse
import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from sandbox.bot_api.app import create_app
from sandbox.bot_api.options import BotAccount
from sandbox.bot_api.sandbox import Sandbox
from sandbox.bot_api.server import StoppableServer
from sandbox.demo.chat_archive import ChatArchive
from sandbox.demo.environment import TOKEN

BOT = BotAccount(TOKEN, "postgen_demo_bot", "Postgen demo")
PEOPLE = {"Anna": "en", "Иван": "ru"}


def demo_app(archive: ChatArchive) -> FastAPI:
    """With the chats of earlier runs, or with people who have never written; its lifespan ends with keeping them."""
    app = create_app([BOT])
    sandbox: Sandbox = app.state.sandbox
    if not archive.restore(sandbox):
        for name, language in PEOPLE.items():
            sandbox.add_user(name, language_code=language, started=False)
    inner = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[Any]:
        async with inner(app) as state:
            yield state
        archive.keep(sandbox)

    app.router.lifespan_context = lifespan
    return app


async def serve(port: int, archive: ChatArchive) -> None:
    app = demo_app(archive)
    print(f"Chat page and Bot API: http://127.0.0.1:{port}", flush=True)
    before_stop = app.state.sandbox.events.close
    await StoppableServer(app, host="127.0.0.1", port=port, before_stop=before_stop).serve()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m sandbox.demo.chat", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--archive", type=Path, required=True)
    options = parser.parse_args()
    asyncio.run(serve(options.port, ChatArchive(options.archive)))


if __name__ == "__main__":
    main()
