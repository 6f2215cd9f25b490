"""Dead letters: what was refused, with its reason, for somebody to look at and to try again.

Policies that keep a flood of bad messages from filling the database or the memory:

* one dead letter for each message and reason, however many of its fixes are refused (the detail says how many more);
* the payload is cut to 64 KiB (its full length is kept beside it; a message that is whole can be tried again), topic and detail
  are cut too;
* a bound a second, `DeadLetterLimit`, in which a long payload counts for several: beyond it, refusals are counted in the metrics
  (`outrider_ingest_dead_letters_dropped_total`) and not kept. The messages are acknowledged all the same: a poison message
  never blocks a fleet.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from fleet.clock import MICROS_PER_S, from_micros
from fleet.message import DeadLetter, MessageBatch
from fleet.screening import Reason
from ingest.protocol import Refusal

LONGEST_PAYLOAD_BYTES: Final = 64 * 1024
#: A payload so long is nothing special; a longer one counts as several letters towards the limit.
_USUAL_BYTES: Final = 4096
_LONGEST_TOPIC: Final = 1024
_LONGEST_DETAIL: Final = 300


def dead_letters(batch: MessageBatch, refused: Iterable[Refusal]) -> list[DeadLetter]:
    """The refusals of a batch as dead letters, in the order of their messages."""
    first: dict[tuple[int, Reason], Refusal] = {}
    more: dict[tuple[int, Reason], int] = {}
    for refusal in refused:
        subject = (refusal.message, refusal.reason)
        if subject in first:
            more[subject] = more.get(subject, 0) + 1
        else:
            first[subject] = refusal
    return [_dead_letter(batch, first[subject], more.get(subject, 0)) for subject in sorted(first)]


def _dead_letter(batch: MessageBatch, refusal: Refusal, more: int) -> DeadLetter:
    payload = batch.payloads[refusal.message]
    tenant, tracker = refusal.tracker or (None, None)
    detail = f"{refusal.detail} (and {more} more)" if more else refusal.detail
    return DeadLetter(
        received_at=from_micros(batch.received[refusal.message]),
        topic=storable(batch.topics[refusal.message][:_LONGEST_TOPIC]),
        payload=bytes(payload[:LONGEST_PAYLOAD_BYTES]),
        payload_bytes=batch.full_bytes.get(refusal.message, len(payload)),
        reason=refusal.reason,
        detail=storable(detail)[:_LONGEST_DETAIL],
        tenant=None if tenant is None else storable(tenant),
        tracker=None if tracker is None else storable(tracker),
    )


def storable(text: str) -> str:
    """The text as a database takes it: PostgreSQL's text holds neither U+0000 nor lone surrogates."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()


class DeadLetterLimit:
    """At most so many dead letters a second (and a burst of as many); the rest are counted. Every 4 KiB of a payload are one more,
    so the bytes kept a second are bounded too.

    A token bucket that is refilled by the instants of receipt, so it needs no clock.
    """

    def __init__(self, per_s: float) -> None:
        self._per_s = per_s
        self._left = per_s
        self._at = 0

    def admit(self, letters: Sequence[DeadLetter], received: int) -> tuple[Sequence[DeadLetter], int]:
        """Those that are kept, and how many are not. `received` is the newest instant of receipt, microseconds."""
        if not letters:
            return letters, 0
        if received > self._at:
            self._left = min(self._per_s, self._left + self._per_s * (received - self._at) / MICROS_PER_S)
            self._at = received
        kept: list[DeadLetter] = []
        for letter in letters:
            weight = min(1 + len(letter.payload) // _USUAL_BYTES, max(1, int(self._per_s)))
            if weight <= self._left:
                self._left -= weight
                kept.append(letter)
        return kept, len(letters) - len(kept)
