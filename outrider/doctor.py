"""`outrider doctor`: what is reachable, what the database offers, what is misconfigured; each finding with what to do about it."""

from __future__ import annotations

import asyncio
import shutil
import sys
from dataclasses import dataclass
from enum import StrEnum

from fleet.errors import OutriderError
from mqttwire import Publisher
from outrider.broker import NoBroker, broker_options
from outrider.console import to_person
from outrider.embedded.errors import EmbeddedError
from outrider.embedded.mosquitto import find_mosquitto
from outrider.embedded.postgres_install import find_installs
from outrider.logs import hide_secrets
from outrider.ports import is_free
from outrider.settings import Settings, load_settings
from outrider.tiers.database import NoDatabase, opened_store
from outrider.tiers.screen import web_dir

_BROKER_WITHIN_S = 8.0
_SMALL_WINDOW = 1_000
_LEAST_DISK_GB = 2.0


class Health(StrEnum):
    GOOD = "ok"
    NOTE = "note"
    BAD = "bad"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    health: Health
    what: str
    detail: str


async def examine() -> bool:
    """Look at everything and tell; False where something is bad."""
    findings = await _findings()
    colours = {Health.GOOD: "green", Health.NOTE: "yellow", Health.BAD: "red"}
    for finding in findings:
        label = f"[{colours[finding.health]}]{finding.health.value:4}[/]"
        to_person.print(f"{label}  {finding.what:10} {hide_secrets(finding.detail)}", soft_wrap=True)
    return all(finding.health is not Health.BAD for finding in findings)


async def _findings() -> list[Finding]:
    python = Finding(health=Health.GOOD, what="python", detail=sys.version.split()[0])
    try:
        settings = load_settings()
    except OutriderError as problem:
        return [python, Finding(health=Health.BAD, what="settings", detail=str(problem))]
    rest = await asyncio.gather(_database(settings), _broker(settings))
    return [python, *_settings(settings), *rest, _screen(settings), _port(settings), _disk(settings)]


def _settings(settings: Settings) -> list[Finding]:
    found = [Finding(health=Health.GOOD, what="settings", detail=f"{len(settings.model_fields_set)} set, the rest by default")]
    open_hosts = [host for host in (settings.http_host, settings.mqtt_host, settings.metrics_host) if not _is_loopback(host)]
    if open_hosts:
        detail = f"listens on {', '.join(sorted(set(open_hosts)))}: reachable from other machines; put TLS in front of it"
        found.append(Finding(health=Health.NOTE, what="network", detail=detail))
    if settings.anonymous_role is not None:
        detail = f"callers without a key are {settings.anonymous_role.value}s (OUTRIDER_ANONYMOUS_ROLE)"
        found.append(Finding(health=Health.NOTE, what="access", detail=detail))
    if settings.mqtt_receive_maximum < _SMALL_WINDOW:
        detail = f"OUTRIDER_MQTT_RECEIVE_MAXIMUM {settings.mqtt_receive_maximum} limits ingest to about that many messages a commit"
        found.append(Finding(health=Health.NOTE, what="ingest", detail=detail))
    if settings.session_secret is None:
        detail = "OUTRIDER_SESSION_SECRET is unset: browsers sign in again after each restart of the API"
        found.append(Finding(health=Health.NOTE, what="access", detail=detail))
    return found


async def _database(settings: Settings) -> Finding:
    try:
        async with opened_store(settings) as store:
            return Finding(health=Health.GOOD, what="database", detail=(await store.capabilities()).describe())
    except NoDatabase:
        return _embedded_database()
    except OutriderError as problem:
        return Finding(health=Health.BAD, what="database", detail=str(problem))


def _embedded_database() -> Finding:
    try:
        installs = find_installs()
    except EmbeddedError as problem:
        return Finding(health=Health.BAD, what="database", detail=str(problem))
    detail = f"OUTRIDER_DATABASE_URL is unset; `outrider up` brings {installs[0].description}"
    return Finding(health=Health.NOTE, what="database", detail=detail)


async def _broker(settings: Settings) -> Finding:
    try:
        options = broker_options(settings)
    except NoBroker:
        return _embedded_broker()
    except OutriderError as problem:
        return Finding(health=Health.BAD, what="broker", detail=str(problem))
    async with Publisher(options) as publisher:
        try:
            await asyncio.wait_for(publisher.wait_connected(), _BROKER_WITHIN_S)
        except (TimeoutError, OutriderError):
            return Finding(health=Health.BAD, what="broker", detail=publisher.status)
        return Finding(health=Health.GOOD, what="broker", detail=publisher.status)


def _embedded_broker() -> Finding:
    try:
        which = f"Mosquitto {find_mosquitto().version}"
    except EmbeddedError as problem:
        which = f"amqtt, for trying out ({problem})"
    return Finding(health=Health.NOTE, what="broker", detail=f"OUTRIDER_MQTT_URL is unset; `outrider up` brings {which}")


def _screen(settings: Settings) -> Finding:
    folder = web_dir(settings)
    if folder is None:
        return Finding(health=Health.NOTE, what="screen", detail="web/dist is not built (make setup): no page is served")
    return Finding(health=Health.GOOD, what="screen", detail="built")


def _port(settings: Settings) -> Finding:
    place = f"{settings.http_host}:{settings.http_port}"
    if settings.http_port == 0 or is_free(settings.http_host, settings.http_port):
        return Finding(health=Health.GOOD, what="port", detail=f"{place} is free for the API")
    return Finding(health=Health.NOTE, what="port", detail=f"somebody listens on {place} (this server itself, or another program)")


def _disk(settings: Settings) -> Finding:
    folder = settings.data_dir if settings.data_dir.exists() else settings.data_dir.absolute().parent
    free_gb = shutil.disk_usage(folder).free / 1e9
    health = Health.GOOD if free_gb >= _LEAST_DISK_GB else Health.BAD
    return Finding(health=health, what="disk", detail=f"{free_gb:.1f} GB free for OUTRIDER_DATA_DIR")


def _is_loopback(host: str) -> bool:
    return host in {"127.0.0.1", "::1", "localhost"}
