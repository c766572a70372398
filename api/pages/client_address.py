"""From which address does a request come? As a hash that only this installation can make: nobody's address is kept.

Behind a proxy it is the proxy's word that counts, if the server was told to trust it (FORWARDED_ALLOW_IPS of uvicorn).
"""

import hashlib
import hmac
from ipaddress import IPv6Address, IPv6Network, ip_address

from fastapi import Request

# a household or a server is given as many addresses as it wants of these
PREFIX = 64


def address_of(request: Request, secret: bytes) -> bytes:
    host = request.client.host if request.client else ""
    return hmac.digest(secret, f"address:{_network(host)}".encode(), hashlib.sha256)


def _network(host: str) -> str:
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if not isinstance(address, IPv6Address):
        return str(address)
    return str(address.ipv4_mapped or IPv6Network((int(address), PREFIX), strict=False))
