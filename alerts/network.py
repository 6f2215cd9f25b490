"""Connections of webhooks: httpcore's network backend, with every address checked first."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import httpcore
from httpcore import AsyncNetworkStream

from alerts.address_guard import addresses_of


class GuardedNetwork(httpcore.AsyncNetworkBackend):
    """Resolves and checks by itself, so that the address checked is the address connected to. TLS still proves the name: httpcore
    asks for the certificate of the URL's host, whatever the number."""

    def __init__(self, *, allow_private: bool) -> None:
        self._allow_private = allow_private
        self._below = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's interface
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> AsyncNetworkStream:
        """Raises PrivateAddress, UnknownHost, or httpcore's ConnectError of the last address."""
        failure: httpcore.ConnectError | None = None
        for address in await addresses_of(host, port, allow_private=self._allow_private):
            try:
                return await self._below.connect_tcp(address, port, timeout, local_address, socket_options)
            except httpcore.ConnectError as error:
                failure = error
        raise failure or httpcore.ConnectError(f"{host} has no address")

    async def connect_unix_socket(
        self,
        path: str,  # noqa: ARG002 - httpcore's interface
        timeout: float | None = None,  # noqa: ASYNC109, ARG002 - httpcore's interface
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002 - httpcore's interface
    ) -> AsyncNetworkStream:
        raise httpcore.ConnectError("webhooks do not go to local sockets")

    async def sleep(self, seconds: float) -> None:
        await self._below.sleep(seconds)
