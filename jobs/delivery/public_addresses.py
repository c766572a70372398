"""Connects to public addresses only: a name is resolved once, every address is checked, and a checked one is dialled.

The URL keeps its name, so TLS and the Host header are about the name and not about the address.
"""

import asyncio
import socket
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

import httpcore

from jobs.public_addresses import Address, as_address, refusal

# a resolver that hangs must not take the threads of those that answer
RESOLVING_THREADS = 32


class NameNotResolved(Exception):
    """The sentence of the resolver."""


class AddressRefused(Exception):
    """Which address, and what stands against it."""


class PublicAddresses(httpcore.AsyncNetworkBackend):
    """`allow_private`: for development and tests."""

    def __init__(self, *, allow_private: bool = False) -> None:
        self.allow_private = allow_private
        self.network = httpcore.AnyIOBackend()
        self.resolving = ThreadPoolExecutor(RESOLVING_THREADS, thread_name_prefix="resolve")

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Raises NameNotResolved, AddressRefused, or what httpcore raises."""
        del local_address, socket_options
        try:
            async with asyncio.timeout(timeout):
                addresses = await self._resolved(host, port)
                self._require_public(host, addresses)
                return await self._first_connection(addresses, port, timeout)
        except TimeoutError:
            raise httpcore.ConnectTimeout from None

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None
    ) -> httpcore.AsyncNetworkStream:
        raise AddressRefused("A socket of this machine is no public address.")

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def close(self) -> None:
        self.resolving.shutdown(wait=False, cancel_futures=True)

    async def _resolved(self, host: str, port: int) -> list[Address]:
        given = as_address(host)
        if given is not None:
            return [given]
        look_up = asyncio.get_running_loop().run_in_executor(
            self.resolving, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        )
        try:
            found = await look_up
        except (OSError, UnicodeError) as error:
            raise NameNotResolved(str(getattr(error, "strerror", None) or error)) from None
        texts = dict.fromkeys(str(row[4][0]) for row in found)
        return [address for address in map(as_address, texts) if address is not None]

    def _require_public(self, host: str, addresses: Sequence[Address]) -> None:
        for address in addresses:
            against = None if self.allow_private else refusal(address)
            if against:
                named = host if str(address) == host else f"{host} ({address})"
                raise AddressRefused(f"{named} is {against}. Webhooks go to public addresses only.")

    async def _first_connection(
        self, addresses: Sequence[Address], port: int, timeout: float | None
    ) -> httpcore.AsyncNetworkStream:
        *others, last = addresses
        for address in others:
            # an address that swallows packets leaves time for the next one
            share = timeout / len(addresses) if timeout else None
            try:
                return await self.network.connect_tcp(str(address), port, timeout=share)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return await self.network.connect_tcp(str(last), port, timeout=timeout)
