"""The alert sender: what is due in the outbox goes out."""

from __future__ import annotations

from alerts.runner import AlertRunner
from alerts.settings import AlertSettings
from outrider.settings import Settings
from outrider.tiers.database import now_utc, opened_store


async def run_alerts(settings: Settings) -> None:
    """Send until cancelled."""
    async with opened_store(settings) as store:
        await AlertRunner(store, alert_settings(settings), now_utc).run()


def alert_settings(settings: Settings) -> AlertSettings:
    return AlertSettings(allow_private=settings.webhook_allow_private, timeout_s=settings.webhook_timeout_s)
