"""Brings everything up in order, and says what it does."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from sandbox.demo import parts, readiness
from sandbox.demo.addresses import Addresses
from sandbox.demo.api_key import demo_key
from sandbox.demo.database import DemoDatabase
from sandbox.demo.environment import environment
from sandbox.demo.folder import DemoFolder
from sandbox.demo.part import Part
from sandbox.demo.ports import require_free
from sandbox.demo.processes import Processes
from sandbox.demo.progress import Progress
from sandbox.demo.together import together


@dataclass(frozen=True)
class Started:
    """`api_key` opens all of the REST API."""

    database_url: str
    api_key: str


class Startup:
    """`own` is the environment of the person who started the demo."""

    def __init__(
        self, addresses: Addresses, folder: DemoFolder, own: Mapping[str, str], database: DemoDatabase,
        processes: Processes, progress: Progress, *, real_world: bool = False,
    ) -> None:  # fmt: skip
        self.addresses = addresses
        self.folder = folder
        self.own = own
        self.database = database
        self.processes = processes
        self.progress = progress
        self.real_world = real_world

    async def start(self, *, fresh: bool) -> Started:
        """Returns when all parts are ready. Raises DemoFailed."""
        for wanted in self.addresses.wanted:
            require_free(wanted)
        self.progress.say(f"the ports {', '.join(str(port.number) for port in self.addresses.wanted)} are free")
        await self.processes.start_guard()
        if fresh:
            await asyncio.to_thread(self.database.forget)
            self.folder.forget()
            self.progress.say("forgot the data of earlier runs")
        database_url = await self._start_ground()
        api_key = await self._start_postgen(database_url)
        return Started(database_url, api_key)

    async def _start_ground(self) -> str:
        """The database, and beside it what needs none."""
        self.progress.say("starting PostgreSQL, the language model, two ComfyUI stand-ins and the chat page …")
        commands = parts.outside_world(self.addresses, self.folder, self._environment(""))
        llm, chat, *lanes = await self.processes.start(commands)
        database_url, *_ = await together(
            self._start_database(),
            self._print_contracts(),
            self._announce(llm, f"{self.addresses.llm}/health"),
            self._announce(chat, f"{self.addresses.chat}/healthz"),
            *(
                self._announce(lane, f"http://{host}/system_stats")
                for lane, host in zip(lanes, self.addresses.comfyui, strict=True)
            ),
        )
        return database_url

    async def _start_database(self) -> str:
        url = await self.database.start()
        if self.database.pid:
            self.processes.tell_guard(f"database {self.database.pid}")
            self.folder.write_secret("database-url", url)
            self.progress.say("PostgreSQL is ready")
        else:
            self.progress.say("PostgreSQL: the one that DATABASE_URL names")
        await self.processes.run(parts.migration(self._environment(url)))
        self.progress.say("its tables are up to date (alembic upgrade head)")
        return url

    async def _print_contracts(self) -> str:
        if not self.folder.documents.exists():
            await self.processes.run(parts.printing(self.folder, self._environment("")))
        return str(self.folder.documents)

    async def _start_postgen(self, database_url: str) -> str:
        """The demo's key of the REST API."""
        known = self._environment(database_url)
        # for `python -m sandbox.demo.outage`
        self.folder.write_secret("api-address", self.addresses.api)
        self.folder.write_secret("llm-address", self.addresses.llm)
        self.progress.say("starting the API, the webhook app and the workers …")
        newest_before = await readiness.newest_worker(database_url)
        api, webhook = await self.processes.start(parts.doors(self.addresses, known))
        workers = await self.processes.start(parts.workers(known))
        await together(
            self._announce(api, f"{self.addresses.api}/readyz"),
            self._announce(webhook, f"{self.addresses.webhook}/readyz"),
            self._announce_workers(workers, database_url, newest_before),
        )
        await self.processes.run(parts.registration(self.addresses, known))
        self.progress.say("the bot's webhook is registered (postgen webhook set)")
        return await demo_key(self.addresses.api, self.folder, self.processes, parts.key_creation(known))

    async def _announce(self, part: Part, url: str) -> str:
        await readiness.answering(part, url)
        self.progress.say(f"{part.command.title} is ready")
        return url

    async def _announce_workers(self, workers: list[Part], database_url: str, newest_before: int) -> str:
        await readiness.workers_alive(workers, database_url, newest_before=newest_before)
        names = ", ".join(part.command.name for part in workers)
        self.progress.say(f"{len(workers)} workers are ready: {names}")
        return names

    def _environment(self, database_url: str) -> dict[str, str]:
        return environment(self.own, self.addresses, self.folder, database_url, real_world=self.real_world)
