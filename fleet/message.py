"""What came in from outside before it is understood, and what is kept of it when it never is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from fleet.screening import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageBatch:
    """N raw messages in order of receipt, as a source hands them over.

    `topics` are text (a topic that is not UTF-8 arrives with its bad bytes replaced by U+FFFD and `broken` set for it),
    `payloads` bytes, `received` microseconds since 1970 UTC of each. `token` means something to the source alone: it is
    how `Source.ack` knows what to acknowledge.
    """

    topics: Sequence[str]
    payloads: Sequence[bytes]
    received: Sequence[int]
    token: object = None
    #: Indices of messages that the source itself found broken, with the reason: they become dead letters undecoded.
    broken: Sequence[tuple[int, Reason]] = ()
    #: By index the full length in bytes of a payload that the source cut (it was too large to hold).
    full_bytes: Mapping[int, int] = field(default_factory=dict)
    #: Indices of messages that the broker had kept from before and hands to every new subscriber.
    retained: Sequence[int] = ()

    def __len__(self) -> int:
        return len(self.payloads)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A message, or one fix of a message, that was refused. `payload` may be cut (see `payload_bytes`, its full length)."""

    received_at: datetime
    topic: str
    payload: bytes
    payload_bytes: int
    reason: Reason
    #: One sentence for the person who looks: which field, what value.
    detail: str = ""
    tenant: str | None = None
    tracker: str | None = None
    #: How often the same came in again and was refused for the same reason; filled by the store.
    times: int = 1
