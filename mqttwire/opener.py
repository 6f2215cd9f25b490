"""Opens connections of our own client, one after the other, in the version that the broker turned out to speak."""

from __future__ import annotations

from mqttwire.connection import DEFAULT_MAX_PAYLOAD_BYTES, DEFAULT_READ_INTERVAL_S, Connection, Listener
from mqttwire.errors import ProtocolVersionRefused
from mqttwire.negotiate import dialect_of, negotiate
from mqttwire.options import MqttOptions
from mqttwire.packets import Dialect, SessionWish
from mqttwire.tls import tls_context


class Opener:
    """`await opener()` is the next connection."""

    def __init__(
        self,
        options: MqttOptions,
        listener: Listener,
        wish: SessionWish,
        *,
        max_payload_bytes: int = DEFAULT_MAX_PAYLOAD_BYTES,
        read_interval_s: float = DEFAULT_READ_INTERVAL_S,
    ) -> None:
        tls_context(options)  # a bad certificate file is an error of the person who starts us, not of the network
        self._options = options
        self._listener = listener
        self._wish = wish
        self._max_payload_bytes = max_payload_bytes
        self._read_interval_s = read_interval_s
        self._dialect: Dialect | None = None

    async def __call__(self) -> Connection:
        """Raises what `Connection.open` and `negotiate` raise."""
        if self._dialect is None:
            self._dialect = dialect_of(await negotiate(self._options))
        try:
            return await Connection.open(
                self._options,
                self._dialect,
                self._listener,
                self._wish,
                max_payload_bytes=self._max_payload_bytes,
                read_interval_s=self._read_interval_s,
            )
        except ProtocolVersionRefused:
            self._dialect = None  # the broker was replaced by one of another version: ask again
            raise
