"""Runs the demo until a signal comes, a part crashes or the try-out is done, and leaves no process behind."""

import asyncio
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.demo.addresses import Addresses
from sandbox.demo.api_tryout import try_api
from sandbox.demo.api_user import api_user
from sandbox.demo.database import DemoDatabase
from sandbox.demo.failure import DemoFailed
from sandbox.demo.folder import DemoFolder
from sandbox.demo.processes import Processes
from sandbox.demo.progress import Progress
from sandbox.demo.startup import Started, Startup
from sandbox.demo.tryout import try_out
from sandbox.demo.welcome import Welcome
from sandbox.demo.world_tryout import try_world

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
CHECK_SECONDS = 600
# beside that; one core writes some ten thousand letters for a world
REAL_WORLD_SECONDS = 1200


@dataclass(frozen=True)
class Wish:
    """What the command line asked for. `check`: try everything out, then end. `fresh`: forget earlier runs first.

    `real_world`: the small real model writes the worlds.
    """

    addresses: Addresses
    check: bool = False
    fresh: bool = False
    real_world: bool = False

    @property
    def check_seconds(self) -> float:
        return CHECK_SECONDS + (REAL_WORLD_SECONDS if self.real_world else 0)


class Supervisor:
    def __init__(self, wish: Wish, folder: DemoFolder, own: Mapping[str, str]) -> None:
        self.wish = wish
        self.folder = folder
        self.progress = Progress()
        self.database = DemoDatabase(folder, own.get("DATABASE_URL"))
        self.processes = Processes(folder)
        self.startup = Startup(
            wish.addresses, folder, own, self.database, self.processes, self.progress, real_world=wish.real_world
        )
        self.stop_wanted = asyncio.Event()

    async def run(self) -> int:
        """The exit status. Failures are told here; nothing runs any more when this returns."""
        for number in SIGNALS:
            asyncio.get_running_loop().add_signal_handler(number, self._on_signal)
        work = asyncio.create_task(self._work())
        try:
            return await self._outcome(work)
        except DemoFailed as failure:
            self.progress.say(f"FAILED: {failure}")
            return 1
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
            await self._stop()

    async def _outcome(self, work: asyncio.Task[None]) -> int:
        """Of three things the first: the work is done, a part crashed, somebody wants it to end."""
        crash = self.processes.crash
        stopped = asyncio.create_task(self.stop_wanted.wait())
        events: set[asyncio.Future[Any]] = {work, crash, stopped}
        try:
            await asyncio.wait(events, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopped.cancel()
        if crash.done():
            raise crash.result()
        if work.done():
            work.result()
            return 0
        return 1 if self.wish.check else 0

    async def _work(self) -> None:
        if not self.wish.check:
            started = await self.startup.start(fresh=self.wish.fresh)
            self._show_addresses(started.api_key)
            await asyncio.Event().wait()
            return
        try:
            async with asyncio.timeout(self.wish.check_seconds):
                await self._try_out(await self.startup.start(fresh=self.wish.fresh))
        except TimeoutError:
            raise DemoFailed(f"The try-out was not done after {self.wish.check_seconds:g} s.") from None

    async def _try_out(self, started: Started) -> None:
        # it reads reports, and whoever only looks around needs nothing of that in memory
        from sandbox.demo.analysis_tryout import try_analysis

        api = self.wish.addresses.api
        await try_out(self.wish.addresses.chat, started.database_url, self.progress)
        await try_api(api, started.api_key, self.progress)
        async with api_user(api, started.api_key) as user:
            await try_world(user, self.progress, real=self.wish.real_world)
            await try_analysis(user, self.folder.documents, self.progress)
        self.progress.say("it works: a reply, two pictures, a world and a comparison came")

    def _show_addresses(self, api_key: str) -> None:
        folder = self.folder
        embedded = f"psql \"$(cat '{folder.path}/database-url')\""
        database = embedded if self.database.pid else "the one that DATABASE_URL names"
        welcome = Welcome(
            self.wish.addresses, api_key, database, folder.documents, folder.logs, real_world=self.wish.real_world
        )
        self.progress.say("ready")
        self.progress.show(welcome.text())

    def _on_signal(self) -> None:
        """A second signal is for whoever does not want to wait."""
        if self.stop_wanted.is_set():
            self.processes.kill()
        self.stop_wanted.set()

    async def _stop(self) -> None:
        self.progress.say("stopping …")
        await self.processes.stop()
        await self.database.stop()
        await self.processes.dismiss_guard()
        self.progress.say("everything has stopped")
