"""From settings to the parts they describe. Each function builds one part and knows which settings concern it."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

from alerts.settings import AlertSettings

from api.settings import ApiSettings
from fleet.errors import OutriderError
from ingest.formats import FORMATS
from ingest.reception import Reception
from ingest.registry import Registry
from ingest.router import Router, selections
from ingest.screen import Screen
from ingest.screening.rules import ScreenRules, ScreenSettings
from ingest.sources.limits import SourceLimits
from ingest.worker import WorkerSettings
from outrider.settings import Settings, UnknownTrackers
from store.open import open_store
from store.protocol import Store
from store.records import Retention

_ROOT = Path(__file__).parent.parent


class NoDatabase(OutriderError):
    """No database was named."""

    def __init__(self) -> None:
        super().__init__("no database is named: set OUTRIDER_DATABASE_URL (postgresql://...), or use `outrider up`")


def database_url(settings: Settings) -> str:
    """Raises NoDatabase."""
    if settings.database_url is None:
        raise NoDatabase
    return settings.database_url.get_secret_value()


async def store_of(settings: Settings) -> Store:
    """The store, open; the caller closes it. Raises NoDatabase or StoreError."""
    retention = Retention(
        fixes_days=settings.retain_fixes_days,
        events_days=settings.retain_events_days,
        visits_days=settings.retain_events_days,
        etas_days=settings.retain_etas_days,
        dead_letters_days=settings.retain_dead_letters_days,
    )
    return await open_store(database_url(settings), retention=retention, pool_size=settings.database_pool_size)


def reception_of(settings: Settings) -> Reception:
    """Formats, registry and screen, as the worker uses them."""
    screen = ScreenSettings(
        future_tolerance_s=settings.future_tolerance_s,
        oldest_age_s=settings.max_age_s,
        teleport_speed_mps=settings.max_speed_mps,
        worst_accuracy_m=settings.max_accuracy_m,
        refuse_inaccurate=settings.max_accuracy_m is not None,
        correct_week_rollover=settings.week_rollover,
    )
    router = Router(
        selections(FORMATS),
        default_tenant=settings.default_tenant,
        largest_payload_bytes=settings.max_payload_bytes,
        narrowed_to=settings.mqtt_topics,
    )
    return Reception(router, Registry(), Screen(ScreenRules(default=screen)))


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
        quarantine=settings.unknown_trackers is UnknownTrackers.QUARANTINE,
    )


def web_dir(settings: Settings) -> Path | None:
    """Where the built screen lies; None where it was not built."""
    folder = settings.web_dir or _ROOT / "web" / "dist"
    return folder if (folder / "index.html").is_file() else None


def api_settings(settings: Settings) -> ApiSettings:
    return ApiSettings(
        default_tenant=settings.default_tenant,
        anonymous_role=settings.anonymous_role,
        session_secret=settings.session_secret,
        web_dir=web_dir(settings),
        style_url=str(settings.style_url) if settings.style_url else None,
        tile_url=settings.tile_url,
        tile_attribution=settings.tile_attribution,
        allowed_origins=settings.allowed_origins,
        version=version("outrider"),
        webhook_allow_private=settings.webhook_allow_private,
        max_live_connections=settings.max_live_connections,
    )


def alert_settings(settings: Settings) -> AlertSettings:
    return AlertSettings(allow_private=settings.webhook_allow_private, timeout_s=settings.webhook_timeout_s)
