"""The queue's connections: few, quick to make, thrown away when they break, and never waited for without a limit.

psycopg's own pool is not used: after an outage it waits longer and longer before it tries again, and a worker must be
back within a second. Here whoever asks makes the attempt, and decides how soon to make the next.
"""

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

Connection = psycopg.AsyncConnection[tuple[Any, ...]]

# a peer that vanished is noticed by TCP itself; a relay that still acknowledges is what `Patience.query` is for
KEEPALIVE = {
    "keepalives": 1, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 15_000,
}  # fmt: skip
# A crash of the database may forget the last fetches and ends of tickets: they run again, as after a worker's crash.
# Every statement finds a few rows through an index. A plan that reads or sorts a table is only ever chosen for a queue
# that was short when it was made.
NEVER = ("enable_seqscan", "enable_bitmapscan", "enable_sort", "enable_hashjoin", "enable_mergejoin", "jit")
TUNING = {"synchronous_commit": "off", **dict.fromkeys(NEVER, "off")}
LOST = (psycopg.OperationalError, psycopg.InterfaceError, psycopg.errors.ReadOnlySqlTransaction, OSError)


@dataclass(frozen=True)
class Patience:
    """Seconds. Tests shorten them."""

    connect: int = 5
    # no statement of the queue takes long: without an answer by then the connection is dead
    query: float = 15.0
    # how long a statement that may be repeated is repeated over a lost database
    repeat: float = 600.0
    # the longest wait between two attempts to reach the database
    pause: float = 1.0
    # how often a silent LISTEN connection proves that it lives
    listen: float = 10.0


class Connections:
    """At most `size` at once, each one in autocommit: every statement of the queue is a transaction of its own."""

    def __init__(self, url: str, *, size: int, patience: Patience, pooler: bool) -> None:
        self.url = url
        self.patience = patience
        self.pooler = pooler
        self.slots = asyncio.Semaphore(size)
        self.idle: list[Connection] = []
        self.busy: set[Connection] = set()

    @contextlib.asynccontextmanager
    async def borrow(self) -> AsyncIterator[Connection]:
        """A connection whose statements break off with OperationalError when no answer comes in time."""
        async with self.slots:
            connection = self.idle.pop() if self.idle else await self.connect()
            self.busy.add(connection)
            try:
                with limited(connection, self.patience.query):
                    yield connection
            except LOST:
                # what happened to one has probably happened to the others
                await self._drop_idle()
                await connection.close()
                raise
            finally:
                self.busy.discard(connection)
                await self._take_back(connection)

    async def connect(self) -> Connection:
        tuning = {} if self.pooler else TUNING
        return await connect(self.url, patience=self.patience, tuning=tuning, prepare=not self.pooler)

    async def aclose(self) -> None:
        for connection in self.busy:
            sever(connection)
        await self._drop_idle()

    async def _take_back(self, connection: Connection) -> None:
        if connection.closed:
            return
        if connection.info.transaction_status is psycopg.pq.TransactionStatus.IDLE:
            self.idle.append(connection)
        else:
            await connection.close()

    async def _drop_idle(self) -> None:
        idle, self.idle = self.idle, []
        for connection in idle:
            await connection.close()


async def connect(url: str, *, patience: Patience, tuning: dict[str, str], prepare: bool = True) -> Connection:
    """What the address itself says about time limits and options stands."""
    given = conninfo_to_dict(url)
    options = " ".join([f"-c {name}={value}" for name, value in tuning.items()] + [str(given.pop("options", ""))])
    parameters: dict[str, Any] = {"application_name": "postgen queue", "connect_timeout": patience.connect}
    parameters |= KEEPALIVE | given
    if options.strip():
        parameters["options"] = options
    # a pooler hands out another backend each time: no statement prepared earlier is there
    threshold = 5 if prepare else None
    address = make_conninfo("", **parameters)
    return await psycopg.AsyncConnection.connect(address, autocommit=True, prepare_threshold=threshold)


@contextlib.contextmanager
def limited(connection: Connection, seconds: float) -> Iterator[None]:
    timer = asyncio.get_running_loop().call_later(seconds, sever, connection)
    try:
        yield
    finally:
        timer.cancel()


def sever(connection: Connection) -> None:
    """End a wait for a silent peer: a cancelled query would wait on for the peer to confirm the cancellation."""
    with (
        contextlib.suppress(OSError, psycopg.OperationalError),
        socket.socket(fileno=os.dup(connection.fileno())) as twin,
    ):
        twin.shutdown(socket.SHUT_RDWR)
