"""One life of the server process: its RAM, its executor and its publish loop."""

import asyncio
from pathlib import Path

from sandbox.comfyui.execution import Executor
from sandbox.comfyui.machine import Machine
from sandbox.comfyui.node_classes import node_classes
from sandbox.comfyui.settings import ComfySettings


class Instance:
    def __init__(self, machine: Machine, files: Path) -> None:
        self.machine = machine
        self.files = files
        self.classes = node_classes(machine.settings)
        self.executor = Executor(machine, self.classes)
        self.tasks: list[asyncio.Task[None]] = []

    def folder(self, kind: str) -> Path | None:
        return self.files / kind if kind in ("output", "input", "temp") else None

    def change(self, settings: ComfySettings) -> None:
        self.machine.settings = settings
        self.classes.clear()
        self.classes.update(node_classes(settings))

    def start(self) -> None:
        self.tasks = [asyncio.create_task(self.executor.run()), asyncio.create_task(self.machine.publisher.run())]

    async def stop(self) -> None:
        self.machine.log.lose_running()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
