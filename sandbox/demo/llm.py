"""The demo's language model: the real small one, which fails for a while when `sandbox.demo.outage` orders that."""

import argparse
import signal
import socket
import sys
import threading

import uvicorn

from jobs.errors import Misconfigured
from sandbox.demo.ports import free_port
from sandbox.llm.outage import Outage
from sandbox.llm.real import serve


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m sandbox.demo.llm", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    try:
        listener = socket.create_server(("127.0.0.1", options.port))
    except OSError as error:
        sys.exit(f"Port {options.port} cannot be had: {error.strerror}.")
    # every thread inherits this: signals are for the one that waits for them
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    inner = free_port()
    outage = Outage(f"http://127.0.0.1:{inner}")
    server = uvicorn.Server(uvicorn.Config(outage.app, log_level="warning", access_log=False))
    threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True, name="outage").start()
    try:
        serve(inner)
    except Misconfigured as error:
        sys.exit(error.detail)


if __name__ == "__main__":
    main()
