"""`python -m sandbox.demo [--check] [--real-world] [--fresh]`, or `make demo DEMO_ARGS="…"`."""

import argparse
import asyncio
import ctypes
import os
import signal
import sys
from pathlib import Path

from sandbox.demo.addresses import API_PORT, CHAT_PORT, WEBHOOK_PORT, Addresses
from sandbox.demo.environment import own_environment
from sandbox.demo.failure import DemoFailed
from sandbox.demo.folder import DemoFolder
from sandbox.demo.parts import ROOT
from sandbox.demo.ports import free_port
from sandbox.demo.supervisor import Supervisor, Wish

PR_SET_PDEATHSIG = 1


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m sandbox.demo",
        description="Starts Postgen and all that it needs on this machine, and stops it at Ctrl-C.",
    )
    parser.add_argument("--check", action="store_true", help="try chat, API, documents and a world out, then end")
    parser.add_argument(
        "--real-world", action="store_true", help="the small real model writes the worlds, and takes minutes for one"
    )
    parser.add_argument("--fresh", action="store_true", help="forget the data of earlier runs first")
    for name, port in {"api": API_PORT, "webhook": WEBHOOK_PORT, "chat": CHAT_PORT}.items():
        parser.add_argument(f"--{name}-port", type=int, default=port, help=f"instead of {port}; 0: any free one")
    parser.add_argument("--folder", type=Path, default=ROOT / ".demo", help="data, pictures, secrets and logs")
    return parser.parse_args()


def end_with_make() -> None:
    """make passes SIGTERM on; but a make that was killed would leave a demo that nobody can see."""
    if "MAKELEVEL" in os.environ and sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM))


def main() -> int:
    options = read_arguments()
    addresses = Addresses(
        options.api_port or free_port(), options.webhook_port or free_port(), options.chat_port or free_port()
    )
    folder = DemoFolder(options.folder)

    async def run() -> int:
        wish = Wish(addresses, options.check, options.fresh, options.real_world)
        return await Supervisor(wish, folder, own_environment()).run()

    end_with_make()
    try:
        with folder.locked():
            return asyncio.run(run())
    except DemoFailed as failure:
        print(failure, flush=True)
        return 1


if __name__ == "__main__":
    sys.exit(main())
