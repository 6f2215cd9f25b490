"""The address that was checked is the address that is connected to, and the certificate still has to fit the name."""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import Any

import pytest

from alerts.sender import Sender
from alerts.settings import AlertSettings
from tests.realparts.certificates import Authority


async def test_a_name_is_resolved_once_and_connected_to_by_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name server that answers with another address the second time gains nothing."""
    asked: list[str] = []
    connected: list[Any] = []

    def getaddrinfo(host: Any, port: int, *_args: Any, **_options: Any) -> list[Any]:
        name = host.decode() if isinstance(host, bytes) else host
        if name == "rebinding.example":
            asked.append(name)
            address = "93.184.216.34" if len(asked) == 1 else "127.0.0.1"
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (name, port))]

    async def sock_connect(_loop: Any, _sock: socket.socket, address: Any) -> None:
        connected.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    monkeypatch.setattr(asyncio.BaseEventLoop, "sock_connect", sock_connect, raising=False)
    monkeypatch.setattr(asyncio.selector_events.BaseSelectorEventLoop, "sock_connect", sock_connect)
    async with Sender(AlertSettings()) as sender:
        answer = await sender.post("https://rebinding.example/hook", {}, b"{}")
    assert asked == ["rebinding.example"]
    assert connected == [("93.184.216.34", 443)]
    assert answer.status is None


@pytest.mark.parametrize(("name", "status"), [("localhost", 200), ("other.example", None)])
async def test_the_certificate_has_to_fit_the_name(
    authority: Authority, monkeypatch: pytest.MonkeyPatch, name: str, status: int | None
) -> None:
    """Although the connection goes to a number."""
    pair = authority.server("webhooks")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)

    def getaddrinfo(_host: Any, port: int, *_args: Any, **_options: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    trusting = ssl.create_default_context(cafile=str(authority.certificate))
    async with server, Sender(AlertSettings(allow_private=True, timeout_s=5), tls=trusting) as sender:
        answered = await sender.post(f"https://{name}:{port}/", {}, b"")
    assert answered.status == status
    assert ("certificate" in answered.error.lower()) == (status is None)
