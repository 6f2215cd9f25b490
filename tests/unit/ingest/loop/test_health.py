"""The worker's own HTTP server."""

import asyncio
import json

import pytest
from prometheus_client import CollectorRegistry, Gauge

from ingest.loop.health import HealthServer
from ingest.loop.sign import LONGEST_COMMIT_S, Sign


def sign(**changes: object) -> Sign:
    usual: dict[str, object] = {
        "worker": "w1", "is_started": True, "is_source_connected": True, "is_store_reachable": True, "lag_s": 0.0, "commit_s": 0.0,
        "in_flight": 0,
    }  # fmt: skip
    return Sign(**usual | changes)  # type: ignore[arg-type]


class Asked:
    """A server with a sign that the test may change."""

    def __init__(self) -> None:
        self.sign = sign()
        registry = CollectorRegistry()
        self.gauge = Gauge("refreshed", "Times.", registry=registry)
        self.server = HealthServer(host="127.0.0.1", port=0, sign=lambda: self.sign, registry=registry, refresh=self.gauge.inc)

    async def ask(self, raw: bytes) -> tuple[int, bytes]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.server.port)
        writer.write(raw)
        answer = await reader.read()
        writer.close()
        head, _, body = answer.partition(b"\r\n\r\n")
        return int(head.split(b" ")[1]) if head else 0, body


async def test_alive_ready_and_metrics() -> None:
    asked = Asked()
    async with asked.server:
        assert await asked.ask(b"GET /healthz HTTP/1.1\r\n\r\n") == (200, b'{"status":"alive"}')
        status, body = await asked.ask(b"GET /readyz?x=1 HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (status, json.loads(body)["detail"]) == (200, "current")
        assert b"refreshed 1.0" in (await asked.ask(b"GET /metrics HTTP/1.1\r\n\r\n"))[1]


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        ({"is_started": False}, "still taking up the work"),
        ({"is_source_connected": False}, "the broker cannot be reached"),
        ({"is_store_reachable": False}, "the database cannot be reached"),
        ({"commit_s": LONGEST_COMMIT_S + 1}, "the database has not answered for 6 s"),
        ({"lag_s": 61.0}, "61 s behind"),
        ({"is_source_connected": False, "lag_s": 99.0}, "the broker cannot be reached; 99 s behind"),
    ],
)
async def test_what_keeps_it_from_being_ready(change: dict[str, object], detail: str) -> None:
    asked = Asked()
    asked.sign = sign(**change)
    async with asked.server:
        status, body = await asked.ask(b"GET /readyz HTTP/1.1\r\n\r\n")
    assert (status, json.loads(body)["ready"], json.loads(body)["detail"]) == (503, False, detail)


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"GET /else HTTP/1.1\r\n\r\n", 404),
        (b"POST /metrics HTTP/1.1\r\n\r\n", 405),
        (b"GET\r\n\r\n", 405),
        (b"\r\n\r\n", 405),
        (b"x" * 20_000 + b"\r\n\r\n", 0),
    ],
)
async def test_whatever_is_asked(raw: bytes, status: int) -> None:
    asked = Asked()
    async with asked.server:
        try:
            assert (await asked.ask(raw))[0] == status
        except ConnectionResetError:
            assert status == 0
        assert (await asked.ask(b"GET /healthz HTTP/1.1\r\n\r\n"))[0] == 200
