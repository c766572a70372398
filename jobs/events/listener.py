"""One connection that hears PostgreSQL's notifications, proves again and again that it does, and is made anew if not.

A proof is an echo: a notification to itself. It notices a server that is gone, a network gone silent, and a pooler that
takes a LISTEN and forgets it.
"""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias
from uuid import uuid4

import asyncpg
import structlog

CHANNEL = "postgen_events"
LOST = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError)

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

log = structlog.get_logger()


class Deaf(OSError):
    """Connected, and the echo did not come."""


@dataclass(frozen=True)
class Patience:
    """Seconds. Tests shorten them."""

    connect: float = 5.0
    heartbeat: float = 10.0
    # without an echo by then nothing else would be heard either
    echo: float = 5.0
    first_pause: float = 0.1
    longest_pause: float = 2.0


class Listener:
    """`heard` gets each payload. `missed` is called whenever notifications may have been lost: look at everything."""

    def __init__(
        self, url: str, *, heard: Callable[[str], None], missed: Callable[[], None], patience: Patience | None = None
    ) -> None:
        self.url = url
        self.heard = heard
        self.missed = missed
        self.patience = patience or Patience()
        self.listening = False
        self._echo = asyncio.Event()
        self._echo_channel = f"postgen_echo_{uuid4().hex}"

    async def run(self) -> None:
        """Until it is cancelled."""
        pause = self.patience.first_pause
        while True:
            try:
                await self._listen()
            except LOST as error:
                pause = self._after_loss(error, pause)
            await asyncio.sleep(pause)

    def _after_loss(self, error: Exception, pause: float) -> float:
        """How long to wait before the next attempt."""
        had_it, self.listening = self.listening, False
        words = str(error) or type(error).__name__
        if had_it or pause == self.patience.first_pause:
            log.warning("event_listener_lost", reason=words)
        if isinstance(error, Deaf):
            self.missed()
        return self.patience.first_pause if had_it else min(pause * 2, self.patience.longest_pause)

    async def _listen(self) -> None:
        """Returns by an exception only: when the connection is lost."""
        connection = await self._connect()
        try:
            gone = asyncio.Event()
            connection.add_termination_listener(lambda _: gone.set())
            await self._subscribe(connection)
            await self._prove(connection)
            self.listening = True
            self.missed()
            log.info("event_listener_ready")
            while not await _set_within(gone, self.patience.heartbeat):
                await self._prove(connection)
            raise ConnectionError("the server closed the connection")
        finally:
            connection.terminate()

    async def _connect(self) -> Connection:
        return await asyncpg.connect(
            self.url,
            timeout=self.patience.connect,
            command_timeout=self.patience.echo,
            statement_cache_size=0,
            server_settings={"application_name": "postgen events"},
        )

    async def _subscribe(self, connection: Connection) -> None:
        await connection.add_listener(CHANNEL, lambda _connection, _pid, _channel, payload: self.heard(str(payload)))
        await connection.add_listener(self._echo_channel, lambda *_: self._echo.set())

    async def _prove(self, connection: Connection) -> None:
        self._echo.clear()
        if await connection.fetchval("SELECT pg_backend_pid()") == connection.get_server_pid():
            await connection.execute(f"NOTIFY {self._echo_channel}")
        else:
            # Somebody stands between. In the middle of our own command even a pooler that forgets a LISTEN passes its
            # echo on: let another connection call.
            await self._call()
        if not await _set_within(self._echo, self.patience.echo):
            raise Deaf(
                "PostgreSQL answers, but its notifications do not arrive. Let DATABASE_LISTEN_URL lead to PostgreSQL"
                " itself, not to a pooler in transaction mode."
            )

    async def _call(self) -> None:
        caller = await self._connect()
        try:
            await caller.execute(f"NOTIFY {self._echo_channel}")
        finally:
            caller.terminate()


async def _set_within(event: asyncio.Event, seconds: float) -> bool:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()
