"""The tiers as processes: each opens what it needs, runs until it is cancelled, and closes in order."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Final

from alerts.runner import AlertRunner
from api.app import create_app
from api.serve import serve
from ingest.pipeline import Pipeline
from ingest.sources.connect import connect_source

from api.live.mqtt_bus import MqttBus
from fleet.access import Role
from ingest.loop.health import HealthServer
from ingest.worker import Worker
from mqttwire import Publisher
from outrider.broker import broker_options
from outrider.console import to_person
from outrider.keys import ensure_admin_key, make_key, new_key_id
from outrider.settings import Settings
from outrider.wiring import (
    alert_settings,
    api_settings,
    database_url,
    pipeline_settings,
    reception_of,
    source_limits,
    store_of,
    worker_settings,
)
from store.migrate import migrate_database
from store.protocol import Store, StoreError

log = logging.getLogger(__name__)

_UPKEEP_EVERY_S: Final = 3600.0


def _now() -> datetime:
    return datetime.now(UTC)


@asynccontextmanager
async def _open(settings: Settings) -> AsyncIterator[Store]:
    store = await store_of(settings)
    log.info("database: %s", (await store.capabilities()).describe())
    try:
        yield store
    finally:
        await asyncio.shield(store.close())


async def run_worker(settings: Settings) -> None:
    """Take messages in until cancelled."""
    reception = reception_of(settings)
    options = broker_options(settings, settings.mqtt_client_id)
    async with _open(settings) as store, Publisher(broker_options(settings)) as live:
        source = await connect_source(options, reception.router.topics, source_limits(settings))
        worker = Worker(
            source=source,
            store=store,
            pipeline=Pipeline(pipeline_settings(settings)),
            reception=reception,
            live=live,
            settings=worker_settings(settings),
        )
        health = HealthServer(
            host=settings.metrics_host,
            port=settings.metrics_port,
            sign=worker.sign,
            registry=worker.metrics.registry,
            refresh=worker.refresh_metrics,
        )
        async with health:
            log.info("metrics at http://%s:%d/metrics", settings.metrics_host, health.port)
            upkeep = asyncio.create_task(_upkeep(store), name="upkeep")
            try:
                await worker.run()
            finally:
                upkeep.cancel()


async def _upkeep(store: Store) -> None:
    """What no commit waits for: partitions ahead of time, and what is too old."""
    while True:
        try:
            await store.maintain(_now())
        except StoreError as problem:
            log.warning("upkeep of the database failed, next try in an hour: %s", problem)
        await asyncio.sleep(_UPKEEP_EVERY_S)


async def run_api(settings: Settings) -> None:
    """Serve until cancelled."""
    async with _open(settings) as store, MqttBus(broker_options(settings)) as bus:
        key = await ensure_admin_key(store, settings, _now())
        if key is not None:
            to_person.print(f"Administrator's key (shown this once): {key}", soft_wrap=True)
        app = create_app(store, bus, api_settings(settings))
        await serve(app, settings.http_host, settings.http_port)


async def run_alerts(settings: Settings) -> None:
    """Send alerts until cancelled."""
    async with _open(settings) as store:
        await AlertRunner(store, alert_settings(settings)).run()


async def run_migrate(settings: Settings) -> None:
    """Bring the database to this version, and say what was done."""
    applied = await asyncio.to_thread(migrate_database, database_url(settings))
    names = ", ".join(one.name for one in applied)
    to_person.print(f"applied {names}" if names else "the database is up to date", soft_wrap=True)


async def run_create_key(settings: Settings, role: Role, name: str, tenant: str | None) -> None:
    """Make a key and print it on standard output."""
    async with _open(settings) as store:
        print(await make_key(store, identifier=new_key_id(), role=role, name=name, tenant=tenant, now=_now()))
