"""At connect time: one resolution, every address checked, and a connection to a checked one only."""

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import httpcore
import pytest

from jobs.delivery.public_addresses import AddressRefused, NameNotResolved, PublicAddresses


class Names:
    """A resolver that answers what the test says, and counts the questions."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.answers: dict[str, list[str]] = {}
        self.asked: list[str] = []
        monkeypatch.setattr(socket, "getaddrinfo", self.look_up)

    def look_up(self, host: str, port: int, **_: Any) -> list[Any]:
        self.asked.append(host)
        if host not in self.answers:
            raise socket.gaierror(-2, "Name or service not known")
        return [(0, 0, 0, "", (address, port)) for address in self.answers[host]]


class Dialled(httpcore.AsyncNetworkBackend):
    """Says where a connection would have been made, and makes none."""

    def __init__(self) -> None:
        self.hosts: list[str] = []

    async def connect_tcp(self, host: str, port: int, *_: Any, **__: Any) -> httpcore.AsyncNetworkStream:
        self.hosts.append(host)
        raise httpcore.ConnectError("no network in this test")


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    return Names(monkeypatch)


@pytest.fixture
async def backend() -> AsyncIterator[PublicAddresses]:
    backend = PublicAddresses()
    backend.network = Dialled()  # type: ignore[assignment] # it stands in for the network
    yield backend
    backend.close()


def dialled(backend: PublicAddresses) -> list[str]:
    assert isinstance(backend.network, Dialled)
    return backend.network.hosts


async def test_a_public_name_is_looked_up_once_and_its_address_is_dialled(
    names: Names, backend: PublicAddresses
) -> None:
    names.answers["example.com"] = ["93.184.215.14"]
    with pytest.raises(httpcore.ConnectError):
        await backend.connect_tcp("example.com", 443, timeout=5)
    assert (names.asked, dialled(backend)) == (["example.com"], ["93.184.215.14"])


async def test_the_next_address_is_tried_when_one_does_not_answer(names: Names, backend: PublicAddresses) -> None:
    names.answers["example.com"] = ["2606:4700::1111", "93.184.215.14"]
    with pytest.raises(httpcore.ConnectError):
        await backend.connect_tcp("example.com", 443, timeout=5)
    assert dialled(backend) == ["2606:4700::1111", "93.184.215.14"]


@pytest.mark.parametrize(
    "addresses",
    [["127.0.0.1"], ["93.184.215.14", "10.0.0.1"], ["::ffff:169.254.169.254"], ["64:ff9b::a00:1"], ["fe80::1%eth0"]],
)
async def test_a_name_with_any_inner_address_is_refused_before_anything_is_dialled(
    names: Names, backend: PublicAddresses, addresses: list[str]
) -> None:
    names.answers["rebinding.example"] = addresses
    with pytest.raises(AddressRefused, match=r"rebinding\.example \(.*public addresses only"):
        await backend.connect_tcp("rebinding.example", 443, timeout=5)
    assert dialled(backend) == []


async def test_a_name_that_changes_its_address_is_checked_each_time(names: Names, backend: PublicAddresses) -> None:
    names.answers["rebinding.example"] = ["93.184.215.14"]
    with pytest.raises(httpcore.ConnectError):
        await backend.connect_tcp("rebinding.example", 443, timeout=5)
    names.answers["rebinding.example"] = ["127.0.0.1"]
    with pytest.raises(AddressRefused):
        await backend.connect_tcp("rebinding.example", 443, timeout=5)
    assert dialled(backend) == ["93.184.215.14"]


@pytest.mark.parametrize("host", ["127.0.0.1", "2130706433", "0x7f.1", "::1", "169.254.169.254"])
async def test_a_number_is_never_looked_up(names: Names, backend: PublicAddresses, host: str) -> None:
    with pytest.raises(AddressRefused):
        await backend.connect_tcp(host, 443, timeout=5)
    assert (names.asked, dialled(backend)) == ([], [])


async def test_a_name_that_nobody_knows(names: Names, backend: PublicAddresses) -> None:
    with pytest.raises(NameNotResolved, match="not known"):
        await backend.connect_tcp("nowhere.example", 443, timeout=5)


async def test_a_resolver_that_hangs_costs_its_time_and_no_more(
    monkeypatch: pytest.MonkeyPatch, backend: PublicAddresses
) -> None:
    import threading

    answer = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answer.wait(20) and [])
    with pytest.raises(httpcore.ConnectTimeout):
        await backend.connect_tcp("slow.example", 443, timeout=0.05)
    answer.set()
    await asyncio.sleep(0)


async def test_a_socket_of_this_machine_is_refused(backend: PublicAddresses) -> None:
    with pytest.raises(AddressRefused):
        await backend.connect_unix_socket("/run/postgresql/.s.PGSQL.5432")


async def test_development_may_dial_this_machine(names: Names) -> None:
    backend = PublicAddresses(allow_private=True)
    backend.network = Dialled()  # type: ignore[assignment] # it stands in for the network
    with pytest.raises(httpcore.ConnectError):
        await backend.connect_tcp("127.0.0.1", 80, timeout=5)
    assert dialled(backend) == ["127.0.0.1"]
    backend.close()
