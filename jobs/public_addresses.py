"""May a request of ours go to this address? What strangers name must be public: nothing of our own network is shown.

`ipaddress.is_global` alone is no guard: it lets addresses pass that lead back inside through NAT64 or 6to4.
"""

import ipaddress
import re
import socket
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import SplitResult, urlsplit

from jobs.errors import InvalidInput

Address = IPv4Address | IPv6Address

LONGEST_URL = 2048
LOWEST_FREE_PORT = 1024
# names that never mean a machine on the internet
INNER_NAMES = ("localhost", "local", "internal", "intranet", "lan", "home", "corp", "home.arpa", "onion", "test")
FORBIDDEN = {
    ipaddress.ip_network(network): what
    for what, networks in {
        "an unspecified address": ("0.0.0.0/8",),
        "this machine": ("127.0.0.0/8", "::1/128"),
        "a private network": ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "fec0::/10"),
        "a provider's inner network": ("100.64.0.0/10",),
        "the metadata of a cloud": ("169.254.169.254/32", "168.63.129.16/32", "192.0.0.192/32", "fd00:ec2::254/128"),
        "a link-local address": ("169.254.0.0/16", "fe80::/10"),
        "a multicast address": ("224.0.0.0/4", "ff00::/8"),
        "a reserved address": (
            "192.0.0.0/24", "192.0.2.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
            "::/8", "100::/8", "2001::/23", "2001:db8::/32", "3fff::/20", "5f00::/16",
        ),
        "an address that stands for another one": (
            "192.88.99.0/24", "64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "::ffff:0:0/96",
        ),
    }.items()
    for network in networks
}  # fmt: skip


def refusal(address: Address) -> str | None:
    """What stands against it, in words; None when it is a public address."""
    inner = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    if inner is not None:
        return refusal(inner) or "an address that stands for another one"
    found = [network for network in FORBIDDEN if address in network]
    if found:
        return FORBIDDEN[max(found, key=lambda network: network.prefixlen)]
    return None if address.is_global else "a reserved address"


def as_address(host: str) -> Address | None:
    """The address that a host means by number, in any of the ways that a resolver takes: `2130706433`, `0x7f.1`."""
    try:
        return ipaddress.ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        pass
    if not re.fullmatch(r"(0[xX])?[0-9a-fA-F]*(\.(0[xX])?[0-9a-fA-F]*){0,3}", host.rstrip(".")):
        return None
    try:
        return IPv4Address(socket.inet_aton(host.rstrip(".")))
    except OSError:
        return None


def require_receiver(url: str, *, allow_private: bool = False) -> None:
    """Raises InvalidInput unless a webhook may be sent there. No name is looked up: that is checked at each attempt."""
    parts = _parts(url)
    if parts is None or not parts.hostname or len(url) > LONGEST_URL or not url.isascii():
        raise _refused(f"A webhook URL reads https://host/path and has at most {LONGEST_URL} plain characters.")
    if parts.username is not None or parts.password is not None:
        raise _refused("A webhook URL carries no user name or password: the signature tells who sent the webhook.")
    if parts.fragment:
        raise _refused("A webhook URL has no part after #: that part never reaches a server.")
    if parts.scheme not in ("https", "http") or (parts.scheme == "http" and not allow_private):
        raise _refused("A webhook URL begins with https://.")
    if not allow_private:
        _require_public(parts.hostname, parts.port or 443)


def _require_public(host: str, port: int) -> None:
    if port != 443 and port < LOWEST_FREE_PORT:
        raise _refused(f"Port {port} belongs to another service: use 443, or one from {LOWEST_FREE_PORT} up.")
    address = as_address(host)
    if address is not None:
        against = refusal(address)
        if against:
            raise _refused(f"{host} is {against}. Webhooks go to public addresses only.")
        return
    name = host.rstrip(".").lower()
    if "." not in name or name.endswith(tuple(f".{inner}" for inner in INNER_NAMES)):
        raise _refused(f"{host} is a name of an inner network. Webhooks go to public addresses only.")


def _parts(url: str) -> SplitResult | None:
    if re.search(r"[\x00-\x20\x7f\\]", url):
        return None
    try:
        parts = urlsplit(url)
        _ = parts.port  # ask: it is parsed late, and raises
    except ValueError:
        return None
    return parts


def _refused(detail: str) -> InvalidInput:
    return InvalidInput(detail, code="url_refused")
