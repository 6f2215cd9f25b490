"""The database as the settings name it: opened, migrated, kept up."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Final

from fleet.access import Role
from fleet.errors import OutriderError
from outrider.console import to_person
from outrider.keys import make_key, new_key_id
from outrider.settings import Settings
from store.migrate import migrate_database
from store.open import open_store
from store.protocol import Store, StoreError
from store.records import Retention

log = logging.getLogger(__name__)

_UPKEEP_EVERY_S: Final = 3600.0
#: Late fixes are folded again from an anchor, so anchors outlive the horizon of late fixes.
_LEAST_ANCHORS_DAYS: Final = 4


class NoDatabase(OutriderError):
    """No database was named."""

    def __init__(self) -> None:
        super().__init__("no database is named: set OUTRIDER_DATABASE_URL (postgresql://...), or use `outrider up`")


def now_utc() -> datetime:
    """The wall clock: tiers hand it to parts that read none."""
    return datetime.now(UTC)


def database_url(settings: Settings) -> str:
    """Raises NoDatabase."""
    if settings.database_url is None:
        raise NoDatabase
    return settings.database_url.get_secret_value()


@asynccontextmanager
async def opened_store(settings: Settings) -> AsyncIterator[Store]:
    """The store as long as the block. Raises NoDatabase or StoreError."""
    retention = Retention(
        fixes_days=settings.retain_fixes_days,
        events_days=settings.retain_events_days,
        visits_days=settings.retain_events_days,
        etas_days=settings.retain_etas_days,
        dead_letters_days=settings.retain_dead_letters_days,
        anchors_days=max(_LEAST_ANCHORS_DAYS, math.ceil(settings.late_horizon_h / 24) + 2),
    )
    store = await open_store(
        database_url(settings),
        retention=retention,
        pool_size=settings.database_pool_size,
        late_horizon_s=settings.late_horizon_h * 3600,
    )
    try:
        log.info("database: %s", (await store.capabilities()).describe())
        yield store
    finally:
        await asyncio.shield(store.close())


async def keep_up(store: Store) -> None:
    """For ever: what no commit waits for, partitions ahead of time and what is too old."""
    while True:
        try:
            await store.maintain(now_utc())
        except StoreError as problem:
            log.warning("upkeep of the database failed, next try in an hour: %s", problem)
        await asyncio.sleep(_UPKEEP_EVERY_S)


async def run_migrate(settings: Settings) -> None:
    """Bring the database to this version, and say what was done."""
    applied = await asyncio.to_thread(migrate_database, database_url(settings))
    names = ", ".join(one.name for one in applied)
    to_person.print(f"applied {names}" if names else "the database is up to date", soft_wrap=True)


async def run_create_key(settings: Settings, role: Role, name: str, tenant: str | None) -> None:
    """Make a key and print it on standard output."""
    async with opened_store(settings) as store:
        print(await make_key(store, identifier=new_key_id(), role=role, name=name, tenant=tenant, now=now_utc()))
