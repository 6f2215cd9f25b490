"""Messages as columns: what a connection read and nobody has taken yet."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import repeat

from fleet.screening import Reason


@dataclass(slots=True, kw_only=True)
class Messages:
    """N messages of one connection in order of receipt; the five lists have one length.

    `answers[i]` is the packet that acknowledges message i (PUBACK at QoS 1, PUBREC at QoS 2, empty at QoS 0), so that
    acknowledging a batch is one join and one write.
    """

    generation: int = 0
    topics: list[str] = field(default_factory=list)
    payloads: list[bytes] = field(default_factory=list)
    answers: list[bytes] = field(default_factory=list)
    #: Microseconds since 1970 UTC of the read that completed the message.
    received: list[int] = field(default_factory=list)
    #: Indices of messages that came with the retain flag: the broker kept them from before.
    retained: list[int] = field(default_factory=list)
    #: Indices of messages that are no proper MQTT or are too large, with the reason.
    broken: list[tuple[int, Reason]] = field(default_factory=list)
    #: By index the full length of a payload of which only the start is here.
    full_bytes: dict[int, int] = field(default_factory=dict)
    #: What the messages take on the wire (skipped parts left out); bounds are counted in it.
    wire_bytes: int = 0

    def __len__(self) -> int:
        return len(self.topics)

    def add(
        self, topic: str, payload: bytes, answer: bytes, reason: Reason | None, *, full_bytes: int, is_retained: bool = False
    ) -> None:
        """Add one message that needs a second look; ordinary ones go straight into the lists."""
        index = len(self.topics)
        self.topics.append(topic)
        self.payloads.append(payload)
        self.answers.append(answer)
        if is_retained:
            self.retained.append(index)
        if reason is not None:
            self.broken.append((index, reason))
        if len(payload) < full_bytes:
            self.full_bytes[index] = full_bytes

    def stamp(self, received: int) -> int:
        """Date the messages that have no date yet; returns how many there were."""
        fresh = len(self.topics) - len(self.received)
        self.received.extend(repeat(received, fresh))
        return fresh

    def split(self, size: int) -> tuple[Messages, Messages]:
        """The first `size` messages, and the rest."""
        first_bytes = self.wire_bytes * size // max(1, len(self))
        return self._part(0, size, first_bytes), self._part(size, len(self), self.wire_bytes - first_bytes)

    def _part(self, start: int, stop: int, wire_bytes: int) -> Messages:
        return Messages(
            generation=self.generation,
            topics=self.topics[start:stop],
            payloads=self.payloads[start:stop],
            answers=self.answers[start:stop],
            received=self.received[start:stop],
            retained=[index - start for index in self.retained if start <= index < stop],
            broken=[(index - start, reason) for index, reason in self.broken if start <= index < stop],
            full_bytes={index - start: size for index, size in self.full_bytes.items() if start <= index < stop},
            wire_bytes=wire_bytes,
        )
