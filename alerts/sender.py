"""One attempt: a signed POST, and what came of it. Never raises for what the other side does."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Mapping
from types import TracebackType
from typing import Final, Self
from urllib.parse import quote, urlsplit

import httpcore

from alerts.address_guard import PrivateAddress, UnknownHost
from alerts.decide import Answer
from alerts.network import GuardedNetwork
from alerts.settings import AlertSettings

_USER_AGENT: Final = b"Outrider-Webhooks/1"
#: A name in IDNA or an IPv4 address, or an IPv6 address in brackets.
_HOST: Final = re.compile(rb"[a-z0-9._-]+|\[[0-9a-f:.]+\]")
#: What a path or query may hold as it is (RFC 3986), with % for what is encoded already.
_SAFE: Final = "/?:@!$&'()*+,;=-._~%"


class Sender:
    """Use as `async with Sender(settings) as sender`. Connections are kept for the next alert of the same endpoint."""

    def __init__(self, settings: AlertSettings, tls: ssl.SSLContext | None = None) -> None:
        self._settings = settings
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=tls,
            max_connections=settings.at_once,
            max_keepalive_connections=settings.at_once,
            keepalive_expiry=30.0,
            network_backend=GuardedNetwork(allow_private=settings.allow_private),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._pool.aclose()

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Within the time-out, whatever the endpoint does."""
        try:
            target, host = _target(url)
        except ValueError:
            return Answer(error="the address is none that can be sent to")
        if target.scheme != b"https" and not self._settings.allow_private:
            return Answer(error="the address is not https")
        sent = [(name.encode(), value.encode()) for name, value in headers.items()]
        sent += [(b"host", host), (b"user-agent", _USER_AGENT), (b"content-length", str(len(body)).encode())]
        try:
            async with asyncio.timeout(self._settings.timeout_s):
                return await self._post(target, sent, body)
        except TimeoutError:
            return Answer(error=f"no answer within {self._settings.timeout_s:.0f} s")
        except (PrivateAddress, UnknownHost) as error:
            return Answer(error=str(error))
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException, httpcore.UnsupportedProtocol) as error:
            return Answer(error=f"{type(error).__name__}: {error}"[:300])

    async def _post(self, target: httpcore.URL, headers: list[tuple[bytes, bytes]], body: bytes) -> Answer:
        async with self._pool.stream("POST", target, headers=headers, content=body) as response:
            answer = Answer(status=response.status, retry_after=_header(response, b"retry-after"))
            read = 0
            async for chunk in response.aiter_stream():
                read += len(chunk)
                if read > self._settings.max_answer_bytes:
                    break  # leaving the block closes the connection
            return answer


def _target(url: str) -> tuple[httpcore.URL, bytes]:
    """The address as it goes over the wire, and the `host` header: names in IDNA, the rest percent-encoded, no userinfo.

    Raises ValueError for what is no http(s) address.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("no http address")
    host = parts.hostname.encode("idna") if ":" not in parts.hostname else f"[{parts.hostname}]".encode("ascii")
    if not _HOST.fullmatch(host):
        raise ValueError("no host's name")
    path = quote(parts.path or "/", safe=_SAFE) + (f"?{quote(parts.query, safe=_SAFE)}" if parts.query else "")
    target = httpcore.URL(scheme=parts.scheme.encode(), host=host.strip(b"[]"), port=parts.port, target=path.encode())
    return target, host if parts.port is None else host + f":{parts.port}".encode()


def _header(response: httpcore.Response, name: bytes) -> str | None:
    for known, value in response.headers:
        if known.lower() == name:
            return value.decode("latin-1")
    return None
