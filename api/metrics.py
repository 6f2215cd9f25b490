"""Prometheus metrics of one API process, in a registry of its own. No label names a tenant, a vehicle or an id."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from api.live.bus import LiveBus
from api.live.hub import Hub

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS: Final = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

_COUNTS: Final = {
    "frames": "Frames taken from the live bus",
    "bad_frames": "Frames left out because they were not understood",
    "positions": "Positions that were newer than the one before",
    "etas": "Predictions that were newer than the one before",
    "events": "Events taken into the feed",
    "refeeds": "Pages of events read from the store for readers that were behind",
    "messages_sent": "Messages sent to live readers",
    "bytes_sent": "Payload bytes sent to live readers, before framing",
    "refused_connections": "Connections refused because there were too many",
}


class ApiMetrics:
    def __init__(self, hub: Hub, bus: LiveBus) -> None:
        self.registry = CollectorRegistry()
        self.registry.register(_Live(hub, bus))
        self._requests = Counter(
            "outrider_http_requests", "Requests answered", ["method", "route", "status"], registry=self.registry
        )
        self._seconds = Histogram(
            "outrider_http_request_seconds", "Time to answer", ["method", "route"], buckets=_SECONDS, registry=self.registry
        )

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """`route` is the pattern, never the path: the number of series is bounded."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(seconds)

    def text(self) -> bytes:
        return generate_latest(self.registry)


class _Live(Collector):
    """Reads the hub when asked: counting costs the hub nothing but its own integers."""

    def __init__(self, hub: Hub, bus: LiveBus) -> None:
        self._hub = hub
        self._bus = bus

    def collect(self) -> Iterable[Metric]:
        hub = self._hub
        yield GaugeMetricFamily("outrider_live_connections", "Live readers now", hub.reader_count)
        yield GaugeMetricFamily("outrider_live_vehicles", "Vehicles with a position", hub.board.vehicles)
        yield GaugeMetricFamily("outrider_live_etas", "Stops with a prediction", len(hub.etas))
        yield GaugeMetricFamily("outrider_live_event_seq", "Newest event number", hub.feed.last_seq)
        yield GaugeMetricFamily("outrider_live_bus_connected", "Whether the live bus is reached", int(self._bus.is_connected))
        for name, text in _COUNTS.items():
            yield CounterMetricFamily(f"outrider_live_{name}", text, value=getattr(hub.counts, name))
