"""One process of the demo: started in a session of its own, its words in a log, stopped with all that it started."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sandbox.demo.failure import DemoFailed, tail


@dataclass(frozen=True)
class Command:
    """`name` names the log, `title` stands in sentences."""

    name: str
    title: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    directory: Path


class Part:
    """A session of its own keeps the terminal's Ctrl-C away: the demo decides who ends when."""

    def __init__(self, command: Command, log: Path) -> None:
        self.command = command
        self.log = log
        self.process: asyncio.subprocess.Process | None = None
        self.stopping = False

    @property
    def pid(self) -> int:
        assert self.process is not None, "not started"
        return self.process.pid

    async def start(self) -> None:
        with self.log.open("wb") as log:
            try:
                self.process = await asyncio.create_subprocess_exec(
                    *self.command.arguments, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log,
                    cwd=self.command.directory, env=dict(self.command.environment), start_new_session=True,
                )  # fmt: skip
            except OSError as error:
                program = self.command.arguments[0]
                raise DemoFailed(f"{self.command.title} cannot be started: {program}: {error.strerror}.") from None

    async def ended(self) -> int:
        """Waits for the end and returns the exit status."""
        assert self.process is not None, "not started"
        return await self.process.wait()

    async def succeed(self) -> None:
        """Waits for the end of a command that does one thing. Raises DemoFailed when it did not do it."""
        if status := await self.ended():
            raise DemoFailed(self.obituary(status))

    def obituary(self, status: int) -> str:
        how = f"was ended by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
        return f"{self.command.title} {how}. Its log {self.log} ends:\n{tail(self.log)}"

    async def stop(self, seconds: float) -> None:
        """Asks, waits so many seconds, then kills; whatever it had started goes with it. Safe to call twice."""
        self.stopping = True
        if self.process is None:
            return
        self._signal(signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.process.wait()
        self.kill()
        await self.process.wait()

    def kill(self) -> None:
        self.stopping = True
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        # as long as the leader has not been waited for its number is nobody else's; the group outlives it
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)
