"""The API: REST, WebSocket and the screen."""

from __future__ import annotations

from importlib.metadata import version

from api.app import create_app
from api.live.mqtt_bus import MqttBus
from api.serve import serve
from api.settings import ApiSettings
from outrider.broker import broker_options
from outrider.console import to_person
from outrider.keys import ensure_admin_key
from outrider.settings import Settings
from outrider.tiers.database import now_utc, opened_store
from outrider.tiers.screen import web_dir


async def run_api(settings: Settings) -> None:
    """Serve until cancelled."""
    async with opened_store(settings) as store, MqttBus(broker_options(settings)) as bus:
        key = await ensure_admin_key(store, settings, now_utc())
        if key is not None:
            to_person.print(f"Administrator's key (shown this once): {key}", soft_wrap=True)
        app = create_app(store, bus, api_settings(settings))
        await serve(app, settings.http_host, settings.http_port)


def api_settings(settings: Settings) -> ApiSettings:
    return ApiSettings(
        default_tenant=settings.default_tenant,
        anonymous_role=settings.anonymous_role,
        session_secret=settings.session_secret,
        web_dir=web_dir(settings),
        style_url=str(settings.style_url) if settings.style_url else None,
        tile_url=settings.tile_url,
        tile_attribution=settings.tile_attribution,
        streets_file=settings.streets_file,
        allowed_origins=settings.allowed_origins,
        version=version("outrider"),
        webhook_allow_private=settings.webhook_allow_private,
        max_live_connections=settings.max_live_connections,
    )
