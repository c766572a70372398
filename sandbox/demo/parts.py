"""Which processes make up the demo, with which commands? Our own are started exactly as in production."""

import sys
from collections.abc import Mapping
from pathlib import Path

from sandbox.demo.addresses import Addresses
from sandbox.demo.folder import DemoFolder
from sandbox.demo.part import Command

ROOT = Path(__file__).parent.parent.parent
PROGRAMS = Path(sys.executable).parent
PICTURE_SECONDS = 2.0
# the stream of an open dashboard would hold the API back for ever
DOOR_GRACE = 1
WORKERS = {
    "worker-gpu-0": ["--queues=gpu-0", "--concurrency=2"],
    "worker-llm": ["--queues=llm"],
    "worker-deliveries": ["--queues=telegram,webhooks,housekeeping"],
}


def migration(environment: Mapping[str, str]) -> Command:
    return _command("migrations", "alembic upgrade head", [_program("alembic"), "upgrade", "head"], environment)


def registration(environment: Mapping[str, str]) -> Command:
    return _command("webhook-set", "postgen webhook set", [_program("postgen"), "webhook", "set"], environment)


def outside_world(addresses: Addresses, folder: DemoFolder, environment: Mapping[str, str]) -> list[Command]:
    """What Postgen talks to, played by the sandbox: none of it needs the database."""
    llm = _module("sandbox.llm.real", "--port", str(addresses.llm_port))
    comfyui = _module(
        "sandbox.comfyui", "--port", str(addresses.comfyui_port), "--seconds", str(PICTURE_SECONDS),
        "--directory", str(folder.comfyui),
    )  # fmt: skip
    chat = _module("sandbox.demo.chat", "--port", str(addresses.chat_port), "--archive", str(folder.chats))
    return [
        _command("llm", "The language model", llm, environment),
        _command("comfyui", "The ComfyUI stand-in", comfyui, environment),
        _command("chat", "The chat page", chat, environment),
    ]


def doors(addresses: Addresses, environment: Mapping[str, str]) -> list[Command]:
    return [
        _command("api", "The API", _door("api.app:app", addresses.api_port), environment),
        _command("webhook", "The webhook app", _door("webhook.app:app", addresses.webhook_port), environment),
    ]


def workers(environment: Mapping[str, str]) -> list[Command]:
    start = [_program("procrastinate"), "--app=jobs.worker.app", "worker"]
    return [
        _command(name, f"The worker {' '.join(options)}", [*start, *options, f"--name={name}"], environment)
        for name, options in WORKERS.items()
    ]


def _door(app: str, port: int) -> list[str]:
    options = ["--port", str(port), "--no-access-log", "--timeout-graceful-shutdown", str(DOOR_GRACE)]
    return [_program("uvicorn"), app, *options]


def _module(module: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", module, *arguments]


def _program(name: str) -> str:
    return str(PROGRAMS / name)


def _command(name: str, title: str, arguments: list[str], environment: Mapping[str, str]) -> Command:
    return Command(name, title, arguments, environment, ROOT)
