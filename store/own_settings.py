"""Own settings of tenants and vehicles as the JSON that is kept: by subject, only what is said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from fleet.screen_settings import ScreenOverrides
from fleet.tenant import OwnSettings

_SCREENING = frozenset(one.name for one in fields(ScreenOverrides))


def settings_as_json(settings: OwnSettings) -> dict[str, Any]:
    screening = settings.screening.said()
    return {"screening": screening} if screening else {}


def settings_from_json(kept: Mapping[str, Any]) -> OwnSettings:
    """What this version does not know (a later one wrote it) is left out."""
    screening = {name: value for name, value in kept.get("screening", {}).items() if name in _SCREENING}
    return OwnSettings(screening=ScreenOverrides(**screening))
