"""The worker: takes messages in, finds what they mean, stores it, and tells the screens."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import fields

from downlink.runner import CommandRunner
from fleet.calendar_text import read_calendar
from fleet.movement_rules import MovementRules
from fleet.proximity_rules import LEAST_NEAR_M, ProximityRules
from geofence.movement.settings import MovementSettings
from geofence.proximity.settings import ProximitySettings
from ingest.formats import FORMATS
from ingest.loop.health import HealthServer
from ingest.pipeline import Pipeline, PipelineSettings
from ingest.pipeline_engines import EngineSettings
from ingest.place_keeper import PlaceKeeper
from ingest.reception import Reception
from ingest.registry import Registry
from ingest.router import Router, selections
from ingest.screen import Screen
from ingest.screening.rules import ScreenRules, ScreenSettings
from ingest.sources.connect import connect_source
from ingest.sources.limits import SourceLimits
from ingest.worker import Worker, WorkerSettings
from mqttwire import Publisher
from outrider.broker import broker_options
from outrider.settings import InvalidSettings, Settings, UnknownTrackers
from outrider.tiers.database import keep_up, now_utc, opened_store
from outrider.tiers.together import run_together

log = logging.getLogger(__name__)


async def run_worker(settings: Settings) -> None:
    """Work until cancelled."""
    reception = reception_of(settings)
    options = broker_options(settings, settings.mqtt_client_id)
    async with opened_store(settings) as store, Publisher(broker_options(settings)) as live:
        source = await connect_source(options, reception.router.topics, source_limits(settings))
        worker = Worker(
            source=source,
            store=store,
            pipeline=Pipeline(pipeline_settings(settings)),
            reception=reception,
            live=live,
            settings=worker_settings(settings),
        )
        async with health_server(settings, worker) as health:
            log.info("metrics at http://%s:%d/metrics", settings.metrics_host, health.port)
            commands = CommandRunner(store, live, now_utc)
            places = PlaceKeeper(store, now_utc)
            await run_together(worker=worker.run(), upkeep=keep_up(store), commands=commands.run(), places=places.run())


def reception_of(settings: Settings) -> Reception:
    """Formats, registry and screen."""
    router = Router(
        selections(FORMATS, format_topics(settings)),
        default_tenant=settings.default_tenant,
        largest_payload_bytes=settings.max_payload_bytes,
        narrowed_to=settings.mqtt_topics,
    )
    registry = Registry()
    return Reception(router, registry, Screen(ScreenRules(default=screen_settings(settings)), registry.vehicle))


def format_topics(settings: Settings) -> Mapping[str, Sequence[str]]:
    """Raises InvalidSettings for a format that there is not."""
    unknown = sorted(settings.format_topics.keys() - {one.name for one in FORMATS})
    if unknown:
        known = ", ".join(one.name for one in FORMATS)
        raise InvalidSettings(f"OUTRIDER_FORMAT_TOPICS: no format {unknown[0]!r}; there are {known}")
    return settings.format_topics


def screen_settings(settings: Settings) -> ScreenSettings:
    """The installation's; each has the name that it has there, behind `screen_`."""
    return ScreenSettings(**{one.name: getattr(settings, f"screen_{one.name}") for one in fields(ScreenSettings)})


def pipeline_settings(settings: Settings) -> PipelineSettings:
    movement = MovementSettings(
        stale_s=settings.stale_after_s,
        offline_s=settings.offline_after_s,
        disconnected_s=settings.disconnected_after_s,
        unauthorised_s=settings.unauthorised_after_s,
        rules=movement_rules(settings),
    )
    return PipelineSettings(engines=EngineSettings(movement=movement), late_horizon_s=settings.late_horizon_h * 3600)


def movement_rules(settings: Settings) -> MovementRules:
    """The installation's. Raises InvalidSettings where the file of hours is not one."""
    hours = settings.allowed_hours_file
    try:
        text = hours.read_text() if hours is not None else ""
        if hours is not None:
            read_calendar(text)
    except (OSError, ValueError) as problem:
        raise InvalidSettings(f"OUTRIDER_ALLOWED_HOURS_FILE: {problem}") from problem
    return MovementRules(speed_limit_mps=settings.speed_limit_mps, allowed_hours=text, watch_towing=settings.watch_towing)


def proximity_settings(settings: Settings) -> ProximitySettings:
    """Raises InvalidSettings for a distance that is less than what positions are worth."""
    if 0 < settings.proximity_near_m < LEAST_NEAR_M:
        raise InvalidSettings(f"OUTRIDER_PROXIMITY_NEAR_M: must be 0, or at least {LEAST_NEAR_M:g}")
    rules = ProximityRules(
        near_m=settings.proximity_near_m, near_s=settings.proximity_near_s, except_tag=settings.proximity_except_tag
    )
    return ProximitySettings(delay_s=settings.proximity_delay_s, horizon_s=settings.late_horizon_h * 3600, rules=rules)


def source_limits(settings: Settings) -> SourceLimits:
    return SourceLimits(
        window=settings.mqtt_receive_maximum,
        batch_messages=settings.batch_max_messages,
        max_payload_bytes=settings.max_payload_bytes,
        session_expiry_s=settings.mqtt_session_expiry_s,
        shared_group=settings.mqtt_share_group,
    )


def worker_settings(settings: Settings) -> WorkerSettings:
    return WorkerSettings(
        name=settings.mqtt_client_id,
        batch_messages=settings.batch_max_messages,
        checkpoint_interval_s=settings.checkpoint_interval_s,
        proximity=proximity_settings(settings),
        quarantine=settings.unknown_trackers is UnknownTrackers.QUARANTINE,
        owns_process=True,
    )


def health_server(settings: Settings, worker: Worker) -> HealthServer:
    return HealthServer(
        host=settings.metrics_host,
        port=settings.metrics_port,
        sign=worker.sign,
        registry=worker.metrics.registry,
        refresh=worker.refresh_metrics,
    )
