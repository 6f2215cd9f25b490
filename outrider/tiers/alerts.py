"""The alert sender: what is due in the outbox goes out."""

from __future__ import annotations

import logging

from alerts.metrics import AlertMetrics
from alerts.runner import AlertRunner
from alerts.settings import AlertSettings
from ingest.loop.health import HealthServer
from outrider.settings import Settings
from outrider.tiers.database import now_utc, opened_store
from outrider.tiers.together import run_together

log = logging.getLogger(__name__)


async def run_alerts(settings: Settings) -> None:
    """Send until cancelled."""
    async with opened_store(settings) as store:
        runner = AlertRunner(store, alert_settings(settings), now_utc)
        metrics = AlertMetrics(runner, store, now_utc)
        async with health_server(settings, metrics) as health:
            log.info("metrics at http://%s:%d/metrics", settings.metrics_host, health.port)
            await run_together(alerts=runner.run(), backlog=metrics.watch())


def health_server(settings: Settings, metrics: AlertMetrics) -> HealthServer:
    return HealthServer(host=settings.metrics_host, port=settings.alerts_metrics_port, sign=metrics.sign, registry=metrics.registry)


def alert_settings(settings: Settings) -> AlertSettings:
    return AlertSettings(allow_private=settings.webhook_allow_private, timeout_s=settings.webhook_timeout_s)
