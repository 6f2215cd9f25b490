"""Keeps webhooks from reaching into private networks (server-side request forgery).

The address that is checked is the address that is connected to: names are resolved here, every address of the name must be
public, and the connection goes to one of them by number. A name server that answers differently the second time gains nothing,
and neither does a redirect, since none is followed.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Sequence
from typing import Final, TypeAlias

from fleet.errors import OutriderError

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

#: IPv6 networks that carry an IPv4 address: NAT64 (RFC 6052), 6to4 (RFC 3056). The place of the four bytes follows.
_CARRIERS: Final = (
    (ipaddress.IPv6Network("64:ff9b::/96"), 12),
    (ipaddress.IPv6Network("2002::/16"), 2),
)
#: NAT64 within one's own network (RFC 8215).
_LOCAL_TRANSLATION: Final = ipaddress.IPv6Network("64:ff9b:1::/48")


class PrivateAddress(OutriderError):
    """The name leads to an address that is not public."""


class UnknownHost(OutriderError):
    """The name leads nowhere."""


def is_public(address: Address) -> bool:
    """Whether an address is on the public internet, also where it is wrapped into another one."""
    if isinstance(address, ipaddress.IPv6Address):
        carried = _carried(address)
        if carried is not None:
            return is_public(carried)
        if address.teredo is not None or address.is_site_local or address in _LOCAL_TRANSLATION:
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _carried(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    for network, place in _CARRIERS:
        if address in network:
            return ipaddress.IPv4Address(address.packed[place : place + 4])
    if address.packed[:12] == bytes(12) and address.packed[12:] not in {bytes(4), b"\0\0\0\1"}:
        return ipaddress.IPv4Address(address.packed[12:])  # IPv4-compatible, deprecated
    return None


async def addresses_of(host: str, port: int, *, allow_private: bool) -> Sequence[str]:
    """The addresses that may be connected to. Raises UnknownHost or PrivateAddress."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    except (OSError, UnicodeError) as error:
        raise UnknownHost(f"{host} cannot be found") from error
    addresses = list(dict.fromkeys(str(sockaddr[0]) for _, _, _, _, sockaddr in found))
    if not allow_private:
        for text in addresses:
            if not is_public(ipaddress.ip_address(text.partition("%")[0])):
                raise PrivateAddress(f"{host} leads to a private address")
    return addresses
