"""Which addresses webhooks may go to, however they are written."""

from __future__ import annotations

import ipaddress
import socket
from typing import Any

import pytest

from alerts.address_guard import PrivateAddress, UnknownHost, addresses_of, is_public


@pytest.mark.parametrize(
    "address", ["93.184.216.34", "8.8.8.8", "2606:2800:220:1:248:1893:25c8:1946", "64:ff9b::808:808", "2002:808:808::1"]
)
def test_public_addresses_are_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.8.9.10",
        "0.0.0.0",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "192.0.2.1",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "fc00::1",
        "fd12:3456::1",
        "ff02::1",
        "2001:db8::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::a00:1",
        "64:ff9b:1::808:808",
        "2002:7f00:1::",
        "2002:a00:1::1",
        "2001:0:7f00:1::1",
        "fec0::1",
    ],
)
def test_private_addresses_are_not(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


def resolves_to(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    def getaddrinfo(_host: Any, port: int, *_args: Any, **_options: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


async def test_one_private_address_of_several_is_enough_to_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    resolves_to(monkeypatch, "93.184.216.34", "10.0.0.7")
    with pytest.raises(PrivateAddress, match=r"^rebound\.example leads to a private address$"):
        await addresses_of("rebound.example", 443, allow_private=False)
    assert await addresses_of("rebound.example", 443, allow_private=True) == ["93.184.216.34", "10.0.0.7"]


async def test_numbers_written_oddly_are_refused_all_the_same() -> None:
    for host in ("127.0.0.1", "2130706433", "0x7f000001", "127.1", "0"):
        with pytest.raises((PrivateAddress, UnknownHost)):
            await addresses_of(host, 443, allow_private=False)


async def test_a_name_that_leads_nowhere_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_args: Any, **_options: Any) -> list[Any]:
        raise socket.gaierror(8, "not known")

    monkeypatch.setattr(socket, "getaddrinfo", fails)
    with pytest.raises(UnknownHost, match="cannot be found"):
        await addresses_of("nowhere.example", 443, allow_private=False)
