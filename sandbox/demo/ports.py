"""Is a port free, and if not, who holds it?"""

import contextlib
import errno
import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sandbox.demo.failure import DemoFailed

LISTENING = "0A"
LONGEST_COMMAND = 80


@dataclass(frozen=True)
class WantedPort:
    """`option` is what chooses another port."""

    number: int
    wanted_by: str
    option: str


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def require_free(wanted: WantedPort) -> None:
    """Raises DemoFailed with the port, what wants it and, where this system tells, the process that holds it."""
    with socket.socket() as probe:
        # what a closed connection left behind is no holder
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted.number))
            probe.listen()
        except OSError as error:
            raise DemoFailed(_sentence(wanted, error)) from None


def _sentence(wanted: WantedPort, error: OSError) -> str:
    if error.errno != errno.EADDRINUSE:
        return f"Port {wanted.number} cannot be used for {wanted.wanted_by}: {error.strerror}."
    by = holder(wanted.number) or "another program"
    return (
        f"Port {wanted.number}, which {wanted.wanted_by} needs, is taken by {by}."
        f' Stop that one, or choose another port: make demo DEMO_ARGS="{wanted.option} {wanted.number + 100}".'
    )


def holder(port: int) -> str | None:
    """The process that listens there, as `uvicorn api.app:app (pid 123)`; None where this system does not say."""
    sockets = {f"socket:[{inode}]" for inode in _listening_inodes(port)}
    for folder in Path("/proc").glob("[0-9]*/fd") if sockets else ():
        with contextlib.suppress(OSError):
            if any(_target(entry) in sockets for entry in folder.iterdir()):
                return f"{_command(folder.parent)} (pid {folder.parent.name})"
    return None


def _listening_inodes(port: int) -> Iterator[str]:
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(OSError):
            for line in Path(table).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == LISTENING and int(fields[1].rpartition(":")[2], 16) == port:
                    yield fields[9]


def _target(entry: Path) -> str:
    try:
        return str(entry.readlink())
    except OSError:  # closed since the folder was listed
        return ""


def _command(process: Path) -> str:
    words = (process / "cmdline").read_bytes().decode(errors="replace").split("\0")
    words[0] = os.path.basename(words[0])  # noqa: PTH119 - a command line is not always a path
    command = " ".join(words).strip()
    return command if len(command) <= LONGEST_COMMAND else f"{command[:LONGEST_COMMAND]}…"
