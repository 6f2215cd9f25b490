"""What the alert sender tells of itself, over HTTP, as Prometheus and a health check see it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import httpx
import pytest

from alerts.metrics import AlertMetrics
from ingest.loop.health import HealthServer
from outrider.settings import load_settings
from outrider.tiers.alerts import health_server
from store.protocol import AlertBacklog, Store, Unavailable
from tests.integration.alerts.receiver import receiving
from tests.integration.alerts.test_runner import Clock, running, subscribe
from tests.integration.store.builders import Builder, event


@asynccontextmanager
async def served(metrics: AlertMetrics) -> AsyncIterator[HealthServer]:
    async with health_server(load_settings(alerts_metrics_port=0), metrics) as server:
        yield server


async def scrape(server: HealthServer) -> dict[str, float]:
    text = (await ask(server, "/metrics")).text
    lines = (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    return {name.removeprefix("outrider_alerts_"): float(value) for name, value in lines}


async def ask(server: HealthServer, path: str) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.get(f"http://127.0.0.1:{server.port}{path}")


async def test_what_was_sent_failed_and_waits_is_counted(store: Store) -> None:
    clock = Clock()
    async with receiving(statuses=(500, 200, 410)) as receiver, running(store, clock) as runner:
        metrics = AlertMetrics(runner, store, clock)
        async with served(metrics) as server:
            await metrics.look()
            assert not any(value for name, value in (await scrape(server)).items() if name != "store_reachable")
            await subscribe(store, receiver.url)
            await Builder(store).commit(events=[event(1)])
            await counted(metrics, server, failed=1, attempts=1, waiting=1)
            clock.ahead += timedelta(seconds=120)
            assert (await scrape(server))["oldest_age_seconds"] >= 120
            done = await counted(metrics, server, delivered=1, waiting=0)
            assert (done["attempts_total"], done["retried_total"], done["oldest_age_seconds"]) == (2, 1, 0)
            await Builder(store).commit(events=[event(2)])
            last = await counted(metrics, server, given_up=1, disabled=1, waiting=0)
            assert (last["attempts_total"], last["retried_total"], last["failed_total"]) == (3, 1, 2)


async def counted(metrics: AlertMetrics, server: HealthServer, **wanted: int) -> dict[str, float]:
    """What is scraped once it is so."""
    names = {name if name == "waiting" else f"{name}_total": value for name, value in wanted.items()}
    async with asyncio.timeout(20):
        while True:
            await metrics.look()
            found = await scrape(server)
            if found.items() >= names.items():
                return found
            await asyncio.sleep(0.01)


async def test_metrics_are_answered_and_age_while_the_database_is_away(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    async with running(store, clock) as runner:
        metrics = AlertMetrics(runner, store, clock)
        async with served(metrics) as server:
            assert (await ask(server, "/readyz")).status_code == 503
            monkeypatch.setattr(type(store), "alert_backlog", _waiting_since(clock))
            await metrics.look()
            assert (await ask(server, "/readyz")).json() == {
                "is_store_reachable": True,
                "waiting": 7,
                "oldest_age_s": pytest.approx(0, abs=5),
                "ready": True,
                "detail": "current",
            }
            monkeypatch.setattr(type(store), "alert_backlog", _away)
            clock.ahead += timedelta(hours=1)
            await metrics.look()
            refused = await ask(server, "/readyz")
            assert (refused.status_code, refused.json()["detail"]) == (503, "the database cannot be reached")
            found = await scrape(server)
            assert (found["waiting"], found["store_reachable"]) == (7, 0)
            assert found["oldest_age_seconds"] >= 3600
            assert (await ask(server, "/healthz")).status_code == 200


def _waiting_since(clock: Clock) -> object:
    backlog = AlertBacklog(waiting=7, oldest=clock())

    async def found(_store: Store) -> AlertBacklog:
        return backlog

    return found


async def _away(_store: Store) -> AlertBacklog:
    raise Unavailable("gone")
