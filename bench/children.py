"""The processes of a measurement: started with a log, waited for, and ended with the measurement whatever happens."""

import asyncio
import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg

READY_SECONDS = 60.0
STOP_SECONDS = 5.0
LOOK_SECONDS = 0.004
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)


Command = Sequence[str | Path]


class Failed(Exception):
    """A measurement could not be made; the sentence says why."""


@dataclass
class Child:
    """`started` is `time.monotonic()` just before the program was executed."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    started: float

    @property
    def pid(self) -> int:
        return self.process.pid

    def require_alive(self) -> None:
        status = self.process.poll()
        if status is not None:
            raise Failed(f"{self.name} ended by itself with status {status}. Its log ends:\n{self.tail()}")

    def tail(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])

    def peak_memory(self) -> int:
        """Bytes: the most that was resident so far."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024

    def stop(self) -> None:
        """Asked first, then killed, with all that it started."""
        with contextlib.suppress(ProcessLookupError):
            self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            pass
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
            self.process.wait()


@contextlib.contextmanager
def running(name: str, command: Command, *, environment: Mapping[str, str], folder: Path) -> Iterator[Child]:
    """A process of its own group in `folder`, where no `.env` of the person's own is read."""
    log = folder / f"{name.replace(' ', '-')}.log"
    with log.open("wb") as output:
        started = time.monotonic()
        process = subprocess.Popen(
            [str(part) for part in command], stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=folder,
            env=dict(environment), start_new_session=True, preexec_fn=_die_with_parent,
        )  # fmt: skip
    child = Child(name, process, log, started)
    try:
        yield child
    finally:
        child.stop()


def _die_with_parent() -> None:
    # also when we are killed and cannot clean up
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


async def answers(child: Child, port: int, path: str = "/readyz") -> float:
    """Seconds from the start of the process to its first 200."""
    while True:
        said = await _get(port, path)
        if said.startswith(b"200 "):
            return time.monotonic() - child.started
        await _look_again(child, f"answer 200 at {path} (last: {said.decode(errors='replace')[:300]!r})")


async def listens(child: Child, port: int) -> None:
    while True:
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return
        await _look_again(child, f"listen on {port}")


async def registered(child: Child, database_url: str, *, after: int) -> float:
    """Seconds from the start of the process to its row among the workers, which it writes when it is ready."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        while newest_worker(connection) <= after:
            await _look_again(child, "register as a worker")
    return time.monotonic() - child.started


def newest_worker(connection: "psycopg.Connection[tuple[object, ...]]") -> int:
    row = connection.execute("SELECT coalesce(max(id), 0) FROM procrastinate_workers").fetchone()
    assert row is not None, "an aggregate has a row"
    return int(str(row[0]))


async def until(
    child: Child, happened: Callable[[], object], what: str, *, patience: float = READY_SECONDS, pause: float = 0.05
) -> None:
    """Looks again each `pause`. Raises Failed when the child ends or takes longer than `patience`."""
    while not happened():
        await _look_again(child, what, patience=patience, pause=pause)


async def _look_again(child: Child, what: str, *, patience: float = READY_SECONDS, pause: float = LOOK_SECONDS) -> None:
    child.require_alive()
    if time.monotonic() - child.started > patience:
        raise Failed(f"{child.name} did not {what} within {patience:g} s. Its log ends:\n{child.tail()}")
    await asyncio.sleep(pause)


async def _get(port: int, path: str) -> bytes:
    """Status and the rest of the answer; nothing while nobody listens."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return b""
    try:
        writer.write(f"GET {path} HTTP/1.0\r\nHost: bench\r\n\r\n".encode())
        return (await reader.read()).partition(b" ")[2]
    except OSError:
        return b""
    finally:
        writer.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
