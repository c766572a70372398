"""Which processes make up the demo, with which commands? Our own are started exactly as in production."""

import sys
from collections.abc import Mapping
from pathlib import Path

from sandbox.demo.addresses import LANES, Addresses
from sandbox.demo.folder import DemoFolder
from sandbox.demo.part import Command

ROOT = Path(__file__).parent.parent.parent
PROGRAMS = Path(sys.executable).parent
PICTURE_SECONDS = 2.0
# the stream of an open dashboard would hold the API back for ever
DOOR_GRACE = 1
WORKERS = {
    **{f"worker-gpu-{lane}": [f"--queues=gpu-{lane}", "--concurrency=2"] for lane in range(LANES)},
    "worker-llm": ["--queues=llm,image"],
    "worker-analysis": ["--queues=analysis", "--concurrency=1"],
    "worker-world": ["--queues=world", "--concurrency=4"],
    "worker-deliveries": ["--queues=telegram,webhooks,housekeeping"],
}


def migration(environment: Mapping[str, str]) -> Command:
    return _command("migrations", "alembic upgrade head", [_program("alembic"), "upgrade", "head"], environment)


def registration(addresses: Addresses, environment: Mapping[str, str]) -> Command:
    # no proxy brings both doors to one address here
    reached = {**environment, "PUBLIC_URL": addresses.webhook}
    return _command("webhook-set", "postgen webhook set", [_program("postgen"), "webhook", "set"], reached)


def key_creation(environment: Mapping[str, str]) -> Command:
    options = ["--owner=account:demo", "--name=the demo", "--scope=jobs", "--scope=admin"]
    program = [_program("postgen"), "keys", "create", *options]
    return _command("keys-create", "postgen keys create", program, environment)


def printing(folder: DemoFolder, environment: Mapping[str, str]) -> Command:
    program = _module("sandbox.demo.contracts", str(folder.documents))
    return _command("contracts", "The printing of the contracts", program, environment)


def outside_world(addresses: Addresses, folder: DemoFolder, environment: Mapping[str, str]) -> list[Command]:
    """What Postgen talks to, played by the sandbox: none of it needs the database."""
    llm = _module("sandbox.demo.llm", "--port", str(addresses.llm_port))
    chat = _module("sandbox.demo.chat", "--port", str(addresses.chat_port), "--archive", str(folder.chats))
    return [
        _command("llm", "The language model", llm, environment),
        _command("chat", "The chat page", chat, environment),
        *(_lane(number, port, folder, environment) for number, port in enumerate(addresses.comfyui_ports)),
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


def _lane(number: int, port: int, folder: DemoFolder, environment: Mapping[str, str]) -> Command:
    directory = folder.comfyui / str(number)
    options = ["--port", str(port), "--seconds", str(PICTURE_SECONDS), "--directory", str(directory)]
    title = f"The ComfyUI stand-in of gpu-{number}"
    return _command(f"comfyui-{number}", title, _module("sandbox.comfyui", *options), environment)


def _door(app: str, port: int) -> list[str]:
    options = ["--port", str(port), "--no-access-log", "--timeout-graceful-shutdown", str(DOOR_GRACE)]
    return [_program("uvicorn"), app, *options]


def _module(module: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", module, *arguments]


def _program(name: str) -> str:
    return str(PROGRAMS / name)


def _command(name: str, title: str, arguments: list[str], environment: Mapping[str, str]) -> Command:
    return Command(name, title, arguments, environment, ROOT)
