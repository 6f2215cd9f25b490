"""A settings file: what a tenant, and single vehicles, have of their own, for a replay. In it is what the API takes as `settings`
of a tenant and of a vehicle: `{"tenant": {"movement": {...}, ...}, "vehicles": {"van-1": {"movement": {...}}}}`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pydantic import Field, ValidationError

from api.models.base import Incoming
from api.models.own_settings import SettingsBody, TenantSettingsBody, settings_of
from fleet.errors import OutriderError
from fleet.tenant import NO_SETTINGS, OwnSettings


class BadSettingsFile(OutriderError):
    """It cannot be read, or says what the API would refuse."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsFile:
    tenant: OwnSettings = NO_SETTINGS
    #: By the tracker's ident.
    vehicles: Mapping[str, OwnSettings] = field(default_factory=dict)


NO_FILE: Final = SettingsFile()


class _FileBody(Incoming):
    tenant: TenantSettingsBody = Field(default_factory=TenantSettingsBody)
    vehicles: dict[str, SettingsBody] = Field(default_factory=dict)


def read_settings_file(path: Path) -> SettingsFile:
    """Raises BadSettingsFile, with what is wrong and where."""
    try:
        body = _FileBody.model_validate_json(path.read_bytes())
    except OSError as problem:
        raise BadSettingsFile(f"{path}: {problem.strerror}") from problem
    except ValidationError as problem:
        first = problem.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise BadSettingsFile(f"{path}: {where}: {first['msg']}" if where else f"{path}: {first['msg']}") from problem
    return SettingsFile(
        tenant=settings_of(body.tenant), vehicles={name: settings_of(settings) for name, settings in body.vehicles.items()}
    )
