"""The simulated day through the whole pipeline, as `outrider replay` takes a capture in: decoding, screening, engines, late repair.

Only forecasts are left out: no arrival depends on one, and they would take longer than all the rest.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import orjson

from bench.arrivals_score import Told
from fleet.clock import MICROS_PER_S, parse_rfc3339, to_micros
from geofence.stops.settings import RouteSettings
from ingest.pipeline import PipelineSettings
from ingest.pipeline_engines import EngineSettings
from ingest.replay import ReplayOptions, replay
from ingest.replay_output import EVENTS
from mqttwire.capture import Recorded, capture_line

_NO_FORECASTS: Final = replace(RouteSettings(), renew_s=1e7, renew_near_s=1e7)


def run(
    messages: Iterable[Sequence[Recorded]], routes: Sequence[Mapping[str, Any]], folder: Path, show: Callable[[int], None]
) -> Path:
    """Replay the messages of some vans (each in order of receipt) with their routes; returns the file of events."""
    capture, plan = folder / "capture.ndjson", folder / "plan.json"
    with capture.open("wb") as lines:
        for message in heapq.merge(*messages, key=lambda one: one.received):
            lines.write(capture_line(message) + b"\n")
    plan.write_bytes(orjson.dumps({"routes": routes}))
    settings = PipelineSettings(engines=EngineSettings(routes=_NO_FORECASTS))
    replay(ReplayOptions(capture=capture, out=folder / "run", plan=plan, pipeline=settings), show)
    capture.unlink()
    return folder / "run" / EVENTS


def told(events: Path, began: Mapping[str, int]) -> dict[str, list[Told]]:
    """By vehicle, the arrivals that were told, also those taken back. `began`: microseconds since 1970 UTC at its second 0."""
    by_id: dict[str, Told] = {}
    found: dict[str, list[Told]] = defaultdict(list)
    with events.open("rb") as lines:
        for line in lines:
            if b'"stop.arrived' not in line:
                continue
            event = orjson.loads(line)
            if event["type"] != "stop.arrived":
                by_id[event["data"]["of"]].stands = False
            if event["type"] == "stop.arrived.retracted":
                continue
            vehicle = event["vehicle"]
            second = (to_micros(parse_rfc3339(event["occurred_at"])) - began[vehicle]) / MICROS_PER_S
            by_id[event["id"]] = Told(stop=event["data"]["stop"], second=second)
            found[vehicle].append(by_id[event["id"]])
    return found
