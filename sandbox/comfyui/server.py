"""Runs the stand-in in the caller's event loop, and does to it what happens to a real process: kill, restart, hang."""

import asyncio
import contextlib
import socket
import tempfile
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

import uvicorn

from sandbox.comfyui.app import create_app
from sandbox.comfyui.faults import Fault, FaultBook
from sandbox.comfyui.instance import Instance
from sandbox.comfyui.machine import Machine
from sandbox.comfyui.runs import RunLog
from sandbox.comfyui.settings import ComfySettings


class ComfyServer:
    """`async with ComfyServer(settings) as server:` listens on `server.host` ("127.0.0.1:port"; port 0: any free one).

    What it ran (`log`), the ordered faults and the pictures outlive a restart; queue, history, cache and sockets do
    not. Without `directory` the pictures lie in a temporary folder that goes with the server.
    """

    def __init__(
        self,
        settings: ComfySettings | None = None,
        *,
        port: int = 0,
        address: str = "127.0.0.1",
        directory: Path | None = None,
    ) -> None:
        self.settings = settings or ComfySettings()
        self.address = address
        self.port = port
        self.directory = directory
        self.faults = FaultBook()
        self.log = RunLog()
        self.instance: Instance | None = None
        self.uvicorn: uvicorn.Server | None = None
        self.temporary: tempfile.TemporaryDirectory[str] | None = None
        self.orders: set[asyncio.Task[None]] = set()

    @property
    def host(self) -> str:
        return f"{self.address}:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.host}"

    @property
    def machine(self) -> Machine:
        assert self.instance is not None, "the server is not running"
        return self.instance.machine

    async def __aenter__(self) -> "ComfyServer":
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in list(self.orders):
            task.cancel()
        await asyncio.gather(*self.orders, return_exceptions=True)
        await self.kill()
        if self.temporary:
            self.temporary.cleanup()

    async def start(self) -> None:
        machine = Machine(self.settings, self.faults, self.log, self.files() / "output", self.on_fault)
        machine.output_dir.mkdir(parents=True, exist_ok=True)
        self.instance = Instance(machine, self.files())
        self.instance.start()
        config = uvicorn.Config(
            create_app(self.instance, self),
            ws_ping_interval=None,
            log_config=None,
            log_level="critical",
            access_log=False,
            lifespan="off",
            ws_per_message_deflate=False,
        )
        config.load()
        self.uvicorn = uvicorn.Server(config)
        self.uvicorn.lifespan = config.lifespan_class(config)
        listener = self.listen()
        await self.uvicorn.startup(sockets=[listener])

    def files(self) -> Path:
        if self.directory is None:
            self.temporary = tempfile.TemporaryDirectory(prefix="comfyui-sandbox-")
            self.directory = Path(self.temporary.name)
        return self.directory

    def listen(self) -> socket.socket:
        # asyncio turns Nagle's delay off only for sockets that say TCP: 40 ms for each answer otherwise
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((self.address, self.port))
        self.port = listener.getsockname()[1]
        return listener

    async def kill(self) -> None:
        """As kill -9: sockets end without a goodbye (1006), whoever connects is refused, all of RAM is gone."""
        if self.uvicorn is None or self.instance is None:
            return
        server, instance = self.uvicorn, self.instance
        self.uvicorn = self.instance = None
        for listener in server.servers:
            listener.close()
        await instance.stop()
        for connection in list(server.server_state.connections):
            connection.transport.abort()
        for task in list(server.server_state.tasks):
            task.cancel()
        await asyncio.gather(*server.server_state.tasks, return_exceptions=True)

    async def restart(self, downtime: float = 0) -> None:
        await self.kill()
        await asyncio.sleep(downtime)
        await self.start()

    def order_restart(self, downtime: float, *, after: float = 0.02) -> None:
        """The same a moment later: for whoever asks from inside the server that is to die."""

        async def soon() -> None:
            await asyncio.sleep(after)
            await self.restart(downtime)

        self.keep(asyncio.create_task(soon()))

    def hang(self, seconds: float = 0) -> None:
        """As SIGSTOP: connections are accepted by the kernel and nothing is ever read, answered or sent."""
        self.machine.publisher.awake.clear()
        for transport in self.transports():
            with contextlib.suppress(RuntimeError):
                transport.pause_reading()
        if seconds:
            self.keep(asyncio.create_task(self.resume_after(seconds)))

    async def resume_after(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self.resume()

    def resume(self) -> None:
        if self.instance is None:
            return
        self.machine.publisher.awake.set()
        for transport in self.transports():
            with contextlib.suppress(RuntimeError):
                transport.resume_reading()

    def drop_sockets(self) -> None:
        """Every websocket ends abruptly; the server itself lives on and notices late."""
        assert self.uvicorn is not None, "the server is not running"
        for connection in list(self.uvicorn.server_state.connections):
            if hasattr(connection, "handshake_complete"):
                connection.transport.abort()

    def transports(self) -> list[Any]:
        assert self.uvicorn is not None, "the server is not running"
        return [connection.transport for connection in self.uvicorn.server_state.connections]

    def change(self, **changes: Any) -> ComfySettings:
        """What concerns one picture works from the next prompt on; routes and caches from the next start."""
        self.settings = replace(self.settings, **changes)
        if self.instance is not None:
            self.instance.change(self.settings)
        return self.settings

    def on_fault(self, fault: Fault) -> None:
        if fault.kind == "restart":
            self.order_restart(fault.seconds, after=0)
        elif fault.kind == "hang":
            self.hang(fault.seconds)
        elif fault.kind == "drop_sockets":
            self.drop_sockets()

    def keep(self, task: asyncio.Task[None]) -> None:
        self.orders.add(task)
        task.add_done_callback(self.orders.discard)
