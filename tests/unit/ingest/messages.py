"""Batches for the tests of ingest, spelt as short as they can be."""

from collections.abc import Sequence
from datetime import UTC, datetime

from fleet.clock import to_micros
from fleet.message import MessageBatch
from fleet.screening import Reason

RECEIVED = datetime(2026, 2, 16, 16, 0, 0, tzinfo=UTC)
RECEIVED_US = to_micros(RECEIVED)


def batch_of(
    payloads: Sequence[bytes],
    topics: Sequence[str] | str = "fleet/default/van-1/fix",
    broken: Sequence[tuple[int, Reason]] = (),
) -> MessageBatch:
    """Messages that came in at RECEIVED, all on one topic or each on its own."""
    each = [topics] * len(payloads) if isinstance(topics, str) else list(topics)
    return MessageBatch(topics=each, payloads=list(payloads), received=[RECEIVED_US] * len(payloads), broken=broken)
