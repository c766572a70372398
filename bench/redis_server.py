"""A Redis of our own on a free port, for the rivals; None where redis-server is not installed."""

import contextlib
import os
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.children import Child, free_port, listens, running


@dataclass(frozen=True)
class Redis:
    port: int
    child: Child


DURABLE = ["--appendonly", "yes", "--appendfsync", "always"]


@contextlib.asynccontextmanager
async def redis_server(folder: Path, *, durable: bool) -> AsyncIterator[Redis | None]:
    """`durable`: an acknowledged command survives a power cut, as a commit of PostgreSQL does."""
    # daemons live in /usr/sbin, which is not on everybody's PATH
    program = shutil.which("redis-server", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if program is None:
        yield None
        return
    port = free_port()
    with TemporaryDirectory(prefix="redis-", dir=folder) as data:
        command = [program, "--port", str(port), "--bind", "127.0.0.1", "--dir", data, "--save", ""]
        command += DURABLE if durable else []
        environment = {"PATH": os.environ.get("PATH", ""), "LANG": "C"}
        with running("redis", command, environment=environment, folder=folder) as child:
            await listens(child, port)
            yield Redis(port, child)
