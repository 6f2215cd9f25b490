"""One attempt: a signed POST, and what came of it. Never raises for what the other side does."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlsplit

import httpcore

from alerts.address_guard import PrivateAddress, UnknownHost
from alerts.decide import Answer
from alerts.network import GuardedNetwork
from alerts.settings import AlertSettings

_USER_AGENT: Final = b"Outrider-Webhooks/1"


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
        if urlsplit(url).scheme != "https" and not self._settings.allow_private:
            return Answer(error="the address is not https")
        try:
            async with asyncio.timeout(self._settings.timeout_s):
                return await self._post(url, headers, body)
        except TimeoutError:
            return Answer(error=f"no answer within {self._settings.timeout_s:.0f} s")
        except (PrivateAddress, UnknownHost) as error:
            return Answer(error=str(error))
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException, httpcore.UnsupportedProtocol) as error:
            return Answer(error=f"{type(error).__name__}: {error}"[:300])

    async def _post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        sent = [(name.encode(), value.encode()) for name, value in headers.items()]
        sent += [(b"host", _host(url)), (b"user-agent", _USER_AGENT), (b"content-length", str(len(body)).encode())]
        async with self._pool.stream("POST", url, headers=sent, content=body) as response:
            answer = Answer(status=response.status, retry_after=_header(response, b"retry-after"))
            read = 0
            async for chunk in response.aiter_stream():
                read += len(chunk)
                if read > self._settings.max_answer_bytes:
                    break  # leaving the block closes the connection
            return answer


def _host(url: str) -> bytes:
    """The `host` header; userinfo, which must not be there, is not sent."""
    return urlsplit(url).netloc.rpartition("@")[2].encode("idna" if not url.isascii() else "ascii")


def _header(response: httpcore.Response, name: bytes) -> str | None:
    for known, value in response.headers:
        if known.lower() == name:
            return value.decode("latin-1")
    return None
