"""The native format: topic `fleet/<tenant>/<tracker>/fix`, a JSON object or an array of them (`docs/formats/native.md`).

Two paths with one result: the fast one decodes each payload straight into a typed record and turns the records into columns
with one pass a column; a message that does not fit the record (a key that is not in the vocabulary, a null, a wrong type)
takes the plain path, which keeps what can be kept and says what is wrong with the rest. Duplicate keys: the last one counts,
as in every JSON parser that keeps objects (RFC 8259, 4, leaves it open).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
import numpy as np

from fleet.fix import FixBatch
from fleet.message import MessageBatch
from fleet.screening import Reason
from ingest.formats.extras import encode_all
from ingest.formats.instants import micros_of
from ingest.formats.refusing import Unreadable, an_object, kind_of, number, parse_json, required, whole
from ingest.formats.rows import float32s, float64s, is_unsaid, received_of, satellite_counts
from ingest.formats.topics import TopicTrackers
from ingest.protocol import Decoded, Refusal

TOPIC: Final = "fleet/{tenant}/{tracker}/fix"


class NativeFix(msgspec.Struct, forbid_unknown_fields=True, gc=False, kw_only=True, omit_defaults=True):
    """One fix as the contract spells it; also what the encoder writes."""

    time: str | int
    lat: float
    lon: float
    speed_mps: float | None = None
    heading_deg: float | None = None
    accuracy_m: float | None = None
    altitude_m: float | None = None
    satellites: int | None = None
    seq: int | None = None
    extras: dict[str, Any] | None = None


_KEYS: Final = frozenset(NativeFix.__struct_fields__)
_MEASURES: Final = ("speed_mps", "heading_deg", "accuracy_m", "altitude_m")
#: Records that are put into columns at once: they are still in the processor's cache then, and their memory serves the next ones.
_RECORDS_AT_ONCE: Final = 4_000
_decode: Final = msgspec.json.Decoder(NativeFix | list[NativeFix]).decode


class Native:
    """The format of `contracts`; see the module."""

    name = "native"
    topics: tuple[str, ...] = ("fleet/+/+/fix",)

    def __init__(self) -> None:
        self._trackers = TopicTrackers(tracker_of)

    def decode(self, batch: MessageBatch, default_tenant: str) -> Decoded:
        of_message, trackers = self._trackers.of(batch.topics, default_tenant)
        parts: list[FixBatch] = []
        fixes: list[NativeFix] = []
        counts: list[int] = []
        refused: list[Refusal] = []
        ignored: list[int] = []
        for index, payload in enumerate(batch.payloads):
            if len(fixes) >= _RECORDS_AT_ONCE:
                parts.append(_columns(fixes))
                fixes = []
            try:
                item = _decode(payload)
            except (ValueError, RecursionError):
                item = _decode_plainly(index, payload, refused)
                if not item:
                    counts.append(0)
                    continue
            if type(item) is NativeFix:
                fixes.append(item)
                counts.append(1)
            else:
                fixes += item
                counts.append(len(item))
                if not item:
                    ignored.append(index)
        for refusal in refused:
            refusal.tracker = trackers[of_message[refusal.message]]
        message = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
        columns = FixBatch.concatenate([*parts, _columns(fixes)])
        columns.message, columns.received = message, received_of(batch.received, message)
        return Decoded(
            fixes=columns,
            tracker=of_message[message],
            trackers=trackers,
            refused=refused,
            ignored=ignored,
        )


def tracker_of(topic: str, default_tenant: str) -> tuple[str, str]:  # noqa: ARG001 - the shape of every format's function
    """(tenant, ident) of `fleet/<tenant>/<tracker>/fix`."""
    _, tenant, tracker, _ = topic.split("/", 3)
    return tenant, tracker


def _columns(fixes: Sequence[NativeFix]) -> FixBatch:
    """One pass over the records for each column (a tuple for each record, to be turned round, would keep the collector busy). Which
    message they are of, and when that came in, is for the caller to say."""
    if not fixes:
        return FixBatch.empty()
    return FixBatch(
        vehicle=np.zeros(len(fixes), np.int64),
        time=micros_of([fix.time for fix in fixes]),
        lat=float64s([fix.lat for fix in fixes]),
        lon=float64s([fix.lon for fix in fixes]),
        speed_mps=float32s([fix.speed_mps for fix in fixes]),
        heading_deg=float32s([fix.heading_deg for fix in fixes]),
        accuracy_m=float32s([fix.accuracy_m for fix in fixes]),
        altitude_m=float32s([fix.altitude_m for fix in fixes]),
        satellites=satellite_counts([fix.satellites for fix in fixes]),
        flags=np.zeros(len(fixes), np.uint16),
        received=np.zeros(len(fixes), np.int64),
        message=np.zeros(len(fixes), np.int32),
        extras=_extras_column(fixes),
    )


def _extras_column(fixes: Sequence[NativeFix]) -> list[bytes | None]:
    """`seq` has no column of its own: it is kept beside the other extras."""
    extras, seqs = [fix.extras for fix in fixes], [fix.seq for fix in fixes]
    if is_unsaid(seqs):
        return [None] * len(fixes) if is_unsaid(extras) else encode_all(extras)
    return encode_all([one if seq is None else {"seq": seq, **(one or {})} for one, seq in zip(extras, seqs, strict=True)])


def _decode_plainly(index: int, payload: bytes, refused: list[Refusal]) -> list[NativeFix]:
    """What can be kept of a message that is not quite as it should be; the rest is refused, each fix for itself."""
    try:
        value = parse_json(payload)
        items = value if isinstance(value, list) else [an_object(value)]
    except Unreadable as unreadable:
        refused.append(Refusal(message=index, reason=unreadable.reason, detail=unreadable.detail))
        return []
    kept: list[NativeFix] = []
    for position, item in enumerate(items):
        try:
            kept.append(_fix_of(an_object(item, "the fix")))
        except Unreadable as unreadable:
            where = f"fix {position}: " if isinstance(value, list) else ""
            refused.append(Refusal(message=index, reason=unreadable.reason, detail=where + unreadable.detail))
    return kept


def _fix_of(item: Mapping[str, Any]) -> NativeFix:
    """The record of one JSON object; raises Unreadable."""
    return NativeFix(
        time=_time_of(item),
        lat=required(item, "lat"),
        lon=required(item, "lon"),
        satellites=whole(item, "satellites"),
        seq=whole(item, "seq"),
        extras=_extras_of(item),
        **{name: number(item, name) for name in _MEASURES},
    )


def _time_of(item: Mapping[str, Any]) -> str | int:
    if "time" not in item:
        raise Unreadable(Reason.MISSING_FIELD, "time is missing")
    time = item["time"]
    if isinstance(time, str):
        return time
    milliseconds = whole(item, "time")
    if milliseconds is None:
        raise Unreadable(Reason.WRONG_TYPE, f"time is {kind_of(time)}, neither RFC 3339 nor whole milliseconds")
    return milliseconds


def _extras_of(item: Mapping[str, Any]) -> dict[str, Any] | None:
    """What the vocabulary does not name is kept; what stands in `extras` itself goes before a key of the same name."""
    said = item.get("extras")
    if said is not None and not isinstance(said, dict):
        raise Unreadable(Reason.WRONG_TYPE, f"extras is {kind_of(said)}, not an object")
    unknown = {key: value for key, value in item.items() if key not in _KEYS}
    return {**unknown, **(said or {})} or None
