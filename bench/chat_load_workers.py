"""The workers of the load: as in production, and killed one after the other where that is asked for."""

import contextlib
import itertools
import signal
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from types import MappingProxyType

import psycopg

from bench import cpu
from bench.children import Child, running, until
from bench.ground import Ground
from bench.ours import worker

# ten slots of the language model in all
LLM_SLOTS = 10
# names of workers, and for each its queues and options. Two of each: in the order in which they are killed one of them
# lives for twenty seconds, and only who has lived for ten may say that another one is dead
Fleet = Mapping[str, tuple[str, ...]]
FLEET: Fleet = MappingProxyType(
    {
        "llm-0": ("llm", f"--concurrency={LLM_SLOTS // 2}"),
        "telegram-0": ("telegram,webhooks,housekeeping",),
        "llm-1": ("llm", f"--concurrency={LLM_SLOTS // 2}"),
        "telegram-1": ("telegram,webhooks,housekeeping",),
    }
)


class Workers:
    """Whoever is killed is started anew at once, as a supervisor does."""

    def __init__(self, ground: Ground, fleet: Fleet, environment: Mapping[str, str]) -> None:
        self.ground = ground
        self.fleet = fleet
        self.environment = environment
        self.running: dict[str, tuple[Child, ExitStack]] = {}
        self.turns = itertools.cycle(self.fleet)
        self.started = 0

    @contextlib.contextmanager
    def all(self) -> Iterator["Workers"]:
        try:
            for name in self.fleet:
                self._start(name)
            yield self
        finally:
            for _, stack in self.running.values():
                stack.close()

    async def ready(self, database_url: str) -> None:
        """Raises Failed."""
        with psycopg.connect(database_url, autocommit=True) as connection:

            def introduced() -> bool:
                row = connection.execute("SELECT count(*) FROM procrastinate_workers").fetchone()
                return row is not None and row[0] >= len(self.fleet)

            for child, _ in self.running.values():
                await until(child, introduced, "introduce itself")

    def kill_next(self) -> None:
        name = next(self.turns)
        child, stack = self.running[name]
        child.process.send_signal(signal.SIGKILL)
        stack.close()
        self._start(name)

    def look_after(self, *, restart: bool) -> None:
        """Who has ended by itself is started anew, or Failed is raised."""
        for name, (child, stack) in list(self.running.items()):
            if restart and child.process.poll() is not None:
                stack.close()
                self._start(name)
            else:
                child.require_alive()

    def spent(self) -> dict[str, float]:
        """Processor time so far by the first of each worker's queues, of those that run now."""
        seconds: dict[str, float] = {}
        for name, (child, _) in self.running.items():
            queue = self.fleet[name][0].partition(",")[0]
            seconds[queue] = seconds.get(queue, 0.0) + cpu.of_group(child.pid)
        return seconds

    def _start(self, name: str) -> None:
        self.started += 1
        stack = ExitStack()
        command = worker(*self.fleet[name])
        label = f"worker-{name}-{self.started}"
        child = stack.enter_context(running(label, command, environment=self.environment, folder=self.ground.folder))
        self.running[name] = child, stack
