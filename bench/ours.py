"""Our processes, started as in production, and the model that they ask."""

import contextlib
import sys
from collections.abc import AsyncIterator, Mapping

from bench.children import Child, Command, answers, free_port, running
from bench.ground import PROGRAMS, Ground
from jobs.companion.personas import Personas
from jobs.settings import LaneSettings, MediaSettings, PersonaSettings
from jobs.submit import Intake

REPLY = "Lovely, and yours? I kept thinking of the river too."


def worker(queues: str, *options: str, app: str = "jobs.worker.app") -> Command:
    return [PROGRAMS / "procrastinate", f"--app={app}", "worker", f"--queues={queues}", *options]


def door(app: str, port: int, *options: str) -> Command:
    return [PROGRAMS / "uvicorn", app, f"--port={port}", "--no-access-log", *options]


def open_intake() -> Intake:
    """The way in that the doors use."""
    return Intake(LaneSettings(), MediaSettings(), Personas(PersonaSettings()))


@contextlib.asynccontextmanager
async def open_door(
    ground: Ground, app: str, environment: Mapping[str, str], *options: str
) -> AsyncIterator[tuple[Child, int]]:
    """The process and its port, once it answers."""
    port = free_port()
    command = door(app, port, *options)
    with running(app.replace(":", "-"), command, environment=environment, folder=ground.folder) as child:
        await answers(child, port)
        yield child, port


@contextlib.asynccontextmanager
async def scripted_model(ground: Ground) -> AsyncIterator[int]:
    """The port of a language model that answers at once."""
    port = free_port()
    command: Command = [sys.executable, "-m", "sandbox.llm.scripted", f"--port={port}", f"--say={REPLY}"]
    with running("scripted-model", command, environment=ground.environment(), folder=ground.folder) as child:
        await answers(child, port, "/health")
        yield port
