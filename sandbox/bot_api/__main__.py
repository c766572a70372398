"""`python -m sandbox.bot_api --token 1000:secret`: the sandbox as a process of its own."""

import argparse
import asyncio
import socket
from contextlib import suppress

from sandbox.bot_api.app import create_app
from sandbox.bot_api.options import BotAccount, FloodLimits, SandboxOptions
from sandbox.bot_api.sandbox import Sandbox
from sandbox.bot_api.server import StoppableServer


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sandbox.bot_api", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8090)
    parser.add_argument("--token", action="append", required=True, help="digits:secret; may be given several times")
    parser.add_argument("--name", default="Sandbox", help="the name of the bot that the chat page shows")
    parser.add_argument("--username", default="sandbox_bot")
    parser.add_argument("--user", action="append", default=[], metavar="NAME[:LANGUAGE]", help="a user to begin with")
    parser.add_argument("--flood-limits", action="store_true", help="answer 429 to a bot that sends too fast")
    return parser.parse_args()


def accounts_of(arguments: argparse.Namespace) -> list[BotAccount]:
    try:
        return [BotAccount(token, arguments.username, arguments.name) for token in arguments.token]
    except ValueError as problem:
        raise SystemExit(str(problem)) from None


def add_users(sandbox: Sandbox, wanted: list[str]) -> None:
    for entry in wanted:
        name, _, language = entry.partition(":")
        sandbox.add_user(name, language_code=language or "en", started=False)


class ConsoleServer(StoppableServer):
    """Says where it listens as soon as it does."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            print(f"Chat page and Bot API: http://{self.config.host}:{self.config.port}", flush=True)


async def serve(arguments: argparse.Namespace) -> None:
    flood = FloodLimits() if arguments.flood_limits else None
    app = create_app(accounts_of(arguments), SandboxOptions(flood=flood))
    add_users(app.state.sandbox, arguments.user)
    stop = app.state.sandbox.events.close
    await ConsoleServer(app, host=arguments.host, port=arguments.port, before_stop=stop).serve()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(serve(read_arguments()))
