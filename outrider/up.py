"""`outrider up`: everything on one machine. Embedded servers where no address was given, each tier as a process of its own, and in
the demo simulated vans with a webhook receiver that shows their alerts."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import httpx

from fleet.access import Role
from fleet.errors import OutriderError
from outrider.console import to_person
from outrider.demo_receiver import serve_receiver, subscribe_receiver
from outrider.embedded.broker import embedded_broker
from outrider.embedded.data_directory import DataDirectory, open_data_directory
from outrider.embedded.postgres import embedded_postgres
from outrider.keys import ensure_admin_key, make_key
from outrider.ports import choose_port, free_port
from outrider.settings import Settings, environment_name
from outrider.simulation import write_streets
from outrider.supervisor import Supervisor
from store.migrate import migrate_database
from store.open import open_store
from store.protocol import Store

log = logging.getLogger(__name__)

_READY_WITHIN_S: Final = 120.0
_POLL_S: Final = 0.25


class NotReady(OutriderError):
    """The API did not become ready in time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpOptions:
    demo: bool = False
    vans: int = 40
    seed: int = 1


@dataclass(slots=True, kw_only=True)
class _Parts:
    """What runs beside the tiers, and what each tier is told in its environment."""

    database_url: str
    mqtt_urls: Mapping[str, str]
    #: The streets of the demo's town.
    streets_file: Path
    watched: list[Callable[[], Awaitable[None]]] = field(default_factory=list)


async def run_up(settings: Settings, options: UpOptions) -> None:
    """Run until cancelled, or until a part cannot be kept running. Raises OutriderError with one clear line."""
    http_port = choose_port(
        settings.http_host, settings.http_port, is_wish="http_port" in settings.model_fields_set, option="--http-port"
    )
    with open_data_directory(settings.data_dir) as data:
        async with AsyncExitStack() as stack:
            parts = await _start_parts(stack, settings, data)
            await asyncio.to_thread(migrate_database, parts.database_url)
            admin_key, demo = await _prepare(parts.database_url, settings, options)
            supervisor = await stack.enter_async_context(_supervisor())
            base_url = f"http://{_browsable(settings.http_host)}:{http_port}"
            if options.demo:
                write_streets(parts.streets_file, None)
            _start_tiers(supervisor, settings, options, parts, http_port)
            await _until_ready(base_url, supervisor)
            _welcome(base_url, settings, admin_key, is_demo=options.demo)
            if demo is not None:
                _start_demo(supervisor, options, parts, base_url, demo)
                parts.watched.append(lambda: serve_receiver(demo.receiver_port, demo.receiver_secret))
            await _first_failure(supervisor.run, *parts.watched)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Demo:
    planner_key: str = field(repr=False)
    receiver_port: int
    receiver_secret: str = field(repr=False)


async def _start_parts(stack: AsyncExitStack, settings: Settings, data: DataDirectory) -> _Parts:
    streets_file = data.path / "streets.geojson"
    if settings.database_url is None:
        database = await stack.enter_async_context(embedded_postgres(data))
        log.info("database: %s", database.description)
        parts = _Parts(database_url=database.url, mqtt_urls={}, streets_file=streets_file, watched=[database.watch])
    else:
        parts = _Parts(database_url=settings.database_url.get_secret_value(), mqtt_urls={}, streets_file=streets_file)
    if settings.mqtt_url is None:
        is_wish = "mqtt_port" in settings.model_fields_set
        port = choose_port(settings.mqtt_host, settings.mqtt_port, is_wish=is_wish, option="--mqtt-port")
        broker = await stack.enter_async_context(embedded_broker(data, host=settings.mqtt_host, port=port))
        log.info("broker: %s on %s", broker.description, broker.url)
        if broker.caution:
            log.warning("%s", broker.caution)
        parts.mqtt_urls = {account: broker.url_as(account) for account in ("worker", "api", "simulator")}
        parts.watched.append(broker.watch)
    else:
        parts.mqtt_urls = dict.fromkeys(("worker", "api", "simulator"), settings.mqtt_url.get_secret_value())
    return parts


async def _prepare(database_url: str, settings: Settings, options: UpOptions) -> tuple[str | None, _Demo | None]:
    """The first keys, and in the demo the receiver's subscription."""
    store = await open_store(database_url)
    try:
        log.info("%s", (await store.capabilities()).describe())
        now = datetime.now(UTC)
        admin_key = await ensure_admin_key(store, settings, now)
        return admin_key, await _prepare_demo(store, settings, now) if options.demo else None
    finally:
        await store.close()


async def _prepare_demo(store: Store, settings: Settings, now: datetime) -> _Demo:
    port = free_port("127.0.0.1")
    key = await make_key(
        store, identifier="demo-planner", role=Role.OPERATOR, name="plans of the demo", tenant=settings.default_tenant, now=now
    )
    secret = await subscribe_receiver(store, tenant=settings.default_tenant, port=port, now=now)
    return _Demo(planner_key=key, receiver_port=port, receiver_secret=secret)


@asynccontextmanager
async def _supervisor() -> AsyncIterator[Supervisor]:
    supervisor = Supervisor()
    try:
        yield supervisor
    finally:
        await asyncio.shield(supervisor.stop())


def _start_tiers(supervisor: Supervisor, settings: Settings, options: UpOptions, parts: _Parts, http_port: int) -> None:
    worker = {**_environment(parts, "worker"), environment_name("metrics_port"): "0"}
    api = {**_environment(parts, "api"), environment_name("http_port"): str(http_port)}
    alerts = {**_environment(parts, "api"), environment_name("alerts_metrics_port"): "0"}
    if options.demo and _is_loopback(settings.http_host):
        alerts[environment_name("webhook_allow_private")] = "true"
        api[environment_name("webhook_allow_private")] = "true"
        if settings.anonymous_role is None:
            api[environment_name("anonymous_role")] = Role.VIEWER.value
    if options.demo and settings.streets_file is None:
        api[environment_name("streets_file")] = str(parts.streets_file)
    supervisor.start("worker", ["worker"], worker)
    supervisor.start("api", ["api"], api)
    supervisor.start("alerts", ["alerts"], alerts)


def _start_demo(supervisor: Supervisor, options: UpOptions, parts: _Parts, base_url: str, demo: _Demo) -> None:
    environment = {**_environment(parts, "simulator"), "OUTRIDER_SIM_KEY": demo.planner_key}
    drive = ["simulate", "drive", "--vans", str(options.vans), "--seed", str(options.seed), "--api-url", base_url]
    supervisor.start("simulator", [*drive, "--outages-per-h", "2", "--outage-s", "40"], environment)


def _environment(parts: _Parts, account: str) -> dict[str, str]:
    return {environment_name("database_url"): parts.database_url, environment_name("mqtt_url"): parts.mqtt_urls[account]}


async def _until_ready(base_url: str, supervisor: Supervisor) -> None:
    async def ask() -> None:
        async with httpx.AsyncClient(base_url=base_url, timeout=5.0) as client:
            while not await _is_ready(client):  # noqa: ASYNC110 - another process's state has no event to wait for
                await asyncio.sleep(_POLL_S)

    try:
        await asyncio.wait_for(_first_done(ask, supervisor.run), _READY_WITHIN_S)
    except TimeoutError:
        raise NotReady(f"the server was not ready within {_READY_WITHIN_S:.0f} s; its log lines above say why") from None


async def _is_ready(client: httpx.AsyncClient) -> bool:
    try:
        return (await client.get("/readyz")).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


async def _first_done(*works: Callable[[], Awaitable[None]]) -> None:
    """Wait for the first to end, cancel the others, and raise what it raised."""
    tasks = [asyncio.ensure_future(work()) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


#: Parts that run for ever: the first that ends has failed.
_first_failure = _first_done


def _welcome(base_url: str, settings: Settings, admin_key: str | None, *, is_demo: bool) -> None:
    is_open = settings.anonymous_role is not None or (is_demo and _is_loopback(settings.http_host))
    to_person.print()
    to_person.print(f"  Outrider is ready: open  [bold]{base_url}/[/bold]", soft_wrap=True)
    if admin_key is not None:
        to_person.print(f"  Administrator's key (shown this once): [bold]{admin_key}[/bold]", soft_wrap=True)
        if not is_open:
            to_person.print(f"  Signed in at once: {base_url}/#key={admin_key}", soft_wrap=True)
    elif settings.admin_key is None:
        to_person.print("  An administrator's key exists; `outrider keys create --role admin` makes another.", soft_wrap=True)
    to_person.print("  Ctrl-C ends it.\n")


def _browsable(host: str) -> str:
    """An address that a browser on this machine can open."""
    if host in {"0.0.0.0", "::"}:  # noqa: S104 - only compared with
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
