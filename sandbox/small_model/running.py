"""How does a front stand before llama.cpp in one process? It has the port that is known, llama.cpp any free one."""

import argparse
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterable

import uvicorn
from starlette.types import ASGIApp

from jobs.errors import Misconfigured
from sandbox.demo.ports import free_port
from sandbox.llm.real import serve


def run(program: str, about: str | None, app: Callable[[str], ASGIApp], arguments: Iterable[str] | None = None) -> None:
    """The console program. `app` is given llama.cpp's address. Blocks until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog=f"python -m {program}", description=about)
    parser.add_argument("--port", type=int, default=11434)
    options = parser.parse_args(None if arguments is None else list(arguments))
    try:
        listener = socket.create_server(("127.0.0.1", options.port))
    except OSError as error:
        sys.exit(f"Port {options.port} cannot be had: {error.strerror}.")
    # every thread inherits this: signals are for the one that waits for them
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    inner = free_port()
    server = uvicorn.Server(uvicorn.Config(app(f"http://127.0.0.1:{inner}"), log_level="warning", access_log=False))
    threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True, name="front").start()
    try:
        serve(inner)
    except Misconfigured as error:
        sys.exit(error.detail)
