"""Payloads to readable fixes, one line each: what `outrider decode` does, without its standard streams.

Shows what the worker would make of a payload, apart from what needs a vehicle's past or a clock: no registry, no duplicates, no
jumps, no future.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import orjson

from fleet.clock import rfc3339_micros
from fleet.fix import FixBatch
from fleet.message import MessageBatch
from ingest.protocol import Decoded, Format
from ingest.screen import Screen

_BINARY: Final = b"hex:"
#: What stands for the topic where none was given: the tracker is unknown unless the payload names it.
_TOPICS: Final = {
    "native": "fleet/default/unknown/fix",
    "hfp": "/hfp/v2/journey/ongoing/vp/bus/0000/00000",
    "owntracks": "owntracks/default/unknown",
    "teltonika": "unknown/data",
    "flespi": "flespi/message/gw/devices/unknown",
    "thingsboard": "v1/devices/me/telemetry",
    "ttn": "v3/default@default/devices/unknown/up",
    "traccar": "traccar/unknown",
}
_MEASURES: Final = ("speed_mps", "heading_deg", "accuracy_m", "altitude_m")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of output, or (`problem`) what is wrong with input line number `number`, counted from 1."""

    number: int
    text: bytes = b""
    problem: str = ""


def decode_lines(of_format: Format, lines: Iterable[bytes], topic: str | None, now_us: int) -> Iterator[Line]:
    """Empty lines are skipped. `now_us` is the instant of receipt, for payloads without a time of their own."""
    used_topic = topic or _TOPICS.get(of_format.name) or of_format.topics[0]
    for number, line in enumerate(lines, start=1):
        text = line.strip()
        if not text:
            continue
        payload = _payload(text)
        if payload is None:
            yield Line(number=number, problem="wrong_type: what follows hex: is not hexadecimal")
            continue
        batch = MessageBatch(topics=[used_topic], payloads=[payload], received=[now_us])
        yield from _shown(number, of_format.decode(batch, "default"))


def _payload(text: bytes) -> bytes | None:
    if not text.startswith(_BINARY):
        return text
    try:
        return bytes.fromhex(text[len(_BINARY) :].decode("ascii", "replace"))
    except ValueError:
        return None


def _shown(number: int, decoded: Decoded) -> Iterator[Line]:
    for refusal in decoded.refused:
        yield Line(number=number, problem=f"{refusal.reason}: {refusal.detail}")
    if decoded.ignored:
        yield Line(number=number, problem="not_a_fix: understood, but it reports no position")
    fixes = decoded.fixes
    # Each row as a vehicle of its own, received when it was measured: only what a fix shows by itself is left to screen.
    fixes.vehicle = np.arange(1, len(fixes) + 1)
    fixes.received = fixes.time.copy()
    trackers = [decoded.trackers[index][1] for index in decoded.tracker.tolist()]
    screened = Screen().screen(fixes)
    for refusal in screened.refused:
        yield Line(number=number, problem=f"{refusal.reason}: {refusal.detail}")
    kept = screened.fixes
    for row, vehicle in enumerate(kept.vehicle.tolist()):
        yield Line(number=number, text=orjson.dumps(_as_json(kept, row, trackers[vehicle - 1])))


def _as_json(fixes: FixBatch, row: int, tracker: str) -> dict[str, Any]:
    """One fix in the native format's names; what was not said is left out."""
    shown: dict[str, Any] = {
        "tracker": tracker,
        "time": rfc3339_micros(int(fixes.time[row])),
        "lat": float(fixes.lat[row]),
        "lon": float(fixes.lon[row]),
    }
    for name in _MEASURES:
        value = float(str(getattr(fixes, name)[row]))  # the shortest decimal that means the same float32
        if not math.isnan(value):
            shown[name] = value
    if fixes.satellites[row] >= 0:
        shown["satellites"] = int(fixes.satellites[row])
    extras = orjson.loads(fixes.extras[row] or b"{}")
    if "seq" in extras:
        shown["seq"] = extras.pop("seq")
    return shown | ({"extras": extras} if extras else {})
