"""All processes of the demo: started under a guard, watched, stopped in the reverse order within ten seconds."""

import asyncio
import contextlib
import sys
from pathlib import Path

from sandbox.demo import guard
from sandbox.demo.failure import DemoFailed
from sandbox.demo.folder import DemoFolder
from sandbox.demo.part import Command, Part

STOP_SECONDS = 3.0


class Processes:
    """Parts are started in groups; the last group is stopped first, each group at once."""

    def __init__(self, folder: DemoFolder) -> None:
        self.folder = folder
        self.groups: list[list[Part]] = []
        self.crash: asyncio.Future[DemoFailed] = asyncio.get_running_loop().create_future()
        self.watchers: set[asyncio.Task[None]] = set()
        self.guard: asyncio.subprocess.Process | None = None

    async def start_guard(self) -> None:
        # alone, without our packages: it must be quick to start and outlive everything
        self.guard = await asyncio.create_subprocess_exec(
            sys.executable, "-I", "-S", str(Path(guard.__file__)), stdin=asyncio.subprocess.PIPE, start_new_session=True
        )

    async def start(self, commands: list[Command]) -> list[Part]:
        """One group of processes that stay. When one of them ends by itself, `crash` says so."""
        group = [Part(command, self.folder.log(command.name)) for command in commands]
        self.groups.append(group)
        for part in group:
            await part.start()
            self.tell_guard(f"+ {part.pid}")
            watcher = asyncio.create_task(self._watch(part))
            self.watchers.add(watcher)
            watcher.add_done_callback(self.watchers.discard)
        return group

    async def run(self, command: Command) -> None:
        """A command that ends. Raises DemoFailed when it fails."""
        part = Part(command, self.folder.log(command.name))
        await part.start()
        self.tell_guard(f"+ {part.pid}")
        try:
            await part.succeed()
        finally:
            await part.stop(STOP_SECONDS)
            self.tell_guard(f"- {part.pid}")

    def tell_guard(self, line: str) -> None:
        if self.guard and self.guard.stdin:
            self.guard.stdin.write(f"{line}\n".encode())

    async def stop(self) -> None:
        for group in reversed(self.groups):
            await asyncio.gather(*(self._stop(part) for part in group))

    def kill(self) -> None:
        for group in self.groups:
            for part in group:
                part.kill()

    async def dismiss_guard(self) -> None:
        if self.guard and self.guard.stdin:
            self.guard.stdin.close()
            await self.guard.wait()

    async def _stop(self, part: Part) -> None:
        await part.stop(STOP_SECONDS)
        if part.process:
            self.tell_guard(f"- {part.pid}")

    async def _watch(self, part: Part) -> None:
        status = await part.ended()
        if not part.stopping:
            with contextlib.suppress(asyncio.InvalidStateError):  # the first crash is told, others follow from it
                self.crash.set_result(DemoFailed(part.obituary(status)))
