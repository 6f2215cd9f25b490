"""How much a source may hold, and how it cuts batches. One class for both MQTT sources, so that they mean the same."""

from __future__ import annotations

from dataclasses import dataclass

from mqttwire.connection import DEFAULT_MAX_PAYLOAD_BYTES, DEFAULT_READ_INTERVAL_S
from mqttwire.errors import InvalidMqttOption

_DAY_S = 86_400


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceLimits:
    """The bounds of an MQTT source.

    Throughput is at most `window` / time to commit. The default lets 60,000 messages/s through at a third of a second a commit, and
    holds a few megabytes of ordinary messages; `window_bytes` bounds what extraordinary ones may take.
    """

    #: Messages handed over or waiting, and not acknowledged: receive-maximum of MQTT 5.
    window: int = 20_000
    #: The same in bytes on the wire.
    window_bytes: int = 256 << 20
    #: The largest batch handed over; a smaller one is handed over as soon as somebody asks.
    batch_messages: int = 10_000
    #: A longer payload becomes a dead letter with its first kilobyte.
    max_payload_bytes: int = DEFAULT_MAX_PAYLOAD_BYTES
    #: How long the broker keeps messages for us while we are away (MQTT 5; by 3.1.1 it is the broker's decision).
    session_expiry_s: int = 7 * _DAY_S
    #: The least time between two reads of the socket: it costs latency and saves CPU. 0 reads whenever there is something.
    read_interval_s: float = DEFAULT_READ_INTERVAL_S
    #: Workers that name the same group share the messages between them (MQTT 5, `$share/<group>/...`).
    shared_group: str | None = None

    def __post_init__(self) -> None:
        _check(0 < self.window <= 65535, "window", "must be between 1 and 65535")
        _check(self.window_bytes > 0, "window_bytes", "must be above 0")
        _check(self.batch_messages > 0, "batch_messages", "must be above 0")
        _check(self.max_payload_bytes > 0, "max_payload_bytes", "must be above 0")
        _check(0 <= self.session_expiry_s <= 0xFFFFFFFF, "session_expiry_s", "must be between 0 and 4294967295")
        _check(0 <= self.read_interval_s <= 1, "read_interval_s", "must be between 0 and 1")
        group = self.shared_group
        _check(group is None or bool(group and not set("/+#") & set(group)), "shared_group", "must be a word without /, + and #")

    def filters(self, topics: tuple[str, ...]) -> list[str]:
        """The topic filters to subscribe to."""
        prefix = "" if self.shared_group is None else f"$share/{self.shared_group}/"
        return [prefix + topic for topic in topics]


def _check(holds: bool, option: str, problem: str) -> None:
    if not holds:
        raise InvalidMqttOption(option, problem)
