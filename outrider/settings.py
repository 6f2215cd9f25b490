"""Every setting of the server: one validated class, filled from `OUTRIDER_*` in the environment (and `.env`), built in `main` and
passed down. Everything is bound to loopback unless told otherwise. `docs/settings.md` documents each one; a test compares.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, HttpUrl, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from fleet.access import Role
from fleet.errors import OutriderError

_LOOPBACK = "127.0.0.1"


class InvalidSettings(OutriderError):
    """A setting is wrong; the text names it as the environment does, and says what is the matter. Values are not repeated:
    they may be secret."""


class UnknownTrackers(StrEnum):
    REGISTER = "register"
    QUARANTINE = "quarantine"


class LogFormat(StrEnum):
    TEXT = "text"
    JSON = "json"


class Settings(BaseSettings):
    """Units are in the names. `None` switches a thing off unless its description says otherwise."""

    model_config = SettingsConfigDict(
        env_prefix="OUTRIDER_", env_file=".env", env_file_encoding="utf-8", extra="ignore", frozen=True
    )

    # what it is connected to
    database_url: SecretStr | None = Field(None, description="PostgreSQL URL. Unset: `outrider up` runs an embedded server.")
    database_pool_size: int = Field(8, ge=2, le=200, description="Largest number of connections of one process.")
    mqtt_url: SecretStr | None = Field(
        None, description="Broker: mqtt://user:password@host:port or mqtts://. Unset: `outrider up` runs one."
    )
    mqtt_protocol: Literal["auto", "5", "3.1.1"] = Field("auto", description="MQTT version; auto tries 5 first.")
    mqtt_client_id: str = Field(
        "outrider-worker", min_length=1, max_length=128, description="Client id of the worker's persistent session; one per worker."
    )
    mqtt_username: str | None = Field(None, description="Overrides the user in the URL.")
    mqtt_password: SecretStr | None = Field(None, description="Overrides the password in the URL.")
    mqtt_ca_file: Path | None = Field(None, description="CA certificates (PEM) to trust for mqtts://; unset: the system's.")
    mqtt_cert_file: Path | None = Field(None, description="Client certificate (PEM) for mqtts://.")
    mqtt_key_file: Path | None = Field(None, description="Private key (PEM) of the client certificate.")
    mqtt_topics: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Topic filters to subscribe to, comma-separated. Unset: those of every known format."
    )
    format_topics: Annotated[Mapping[str, tuple[str, ...]], NoDecode] = Field(
        {}, description="Other topic filters for a format than its own: `traccar=phones/+; teltonika=eu/+/data, us/+/data`."
    )
    mqtt_share_group: str | None = Field(None, description="Shared subscription group, for several workers on one broker.")
    mqtt_keep_alive_s: int = Field(30, ge=5, le=3600, description="Seconds between signs of life to the broker.")
    mqtt_session_expiry_s: int = Field(
        7 * 86_400, ge=60, le=0xFFFF_FFFE, description="How long the broker keeps messages for a worker that is away."
    )
    mqtt_receive_maximum: int = Field(
        20_000, ge=1, le=65_535, description="Most messages taken in and not yet committed: the throttle of ingest."
    )
    max_payload_bytes: int = Field(1_048_576, ge=1_024, le=268_435_455, description="Larger messages become dead letters.")

    # whose data it is
    default_tenant: str = Field("default", min_length=1, max_length=64, description="Tenant where neither topic nor key names one.")
    unknown_trackers: UnknownTrackers = Field(
        UnknownTrackers.REGISTER,
        description="register: a tracker's first message makes a vehicle. quarantine: dead letters until registered.",
    )

    # what is believed; tenants and vehicles may have their own (`/v1/tenants`, `/v1/vehicles`: `settings.screening`)
    screen_future_tolerance_s: float = Field(
        300.0, ge=0, le=86_400, description="Fixes later than their receipt by more than this are refused (`future`)."
    )
    screen_oldest_age_s: float = Field(0.0, ge=0, description="Fixes older than this at receipt are refused (`too_old`); 0: none.")
    screen_teleport_speed_mps: float = Field(
        100.0, gt=0, description="Faster than this between two fixes is a teleport: kept and flagged."
    )
    screen_teleport_slack_m: float = Field(500.0, ge=0, description="So far apart two fixes may be whatever the time between.")
    screen_refuse_teleports: bool = Field(False, description="Refuse teleports (`teleport`) instead of flagging them.")
    screen_worst_accuracy_m: float = Field(
        0.0, ge=0, description="Fixes that claim to be worse than this are flagged; 0: any accuracy."
    )
    screen_refuse_inaccurate: bool = Field(False, description="Refuse them (`inaccurate`) instead of flagging them.")
    screen_null_island_m: float = Field(
        111.0, ge=0, le=100_000, description="Nearer than this to 0 N 0 E is refused (`null_island`); 0: it is a place."
    )
    screen_refuse_swapped: bool = Field(
        False,
        description="Refuse what fits the last place only with latitude and longitude swapped (`swapped`), instead of flagging it.",
    )
    screen_correct_week_rollover: bool = Field(
        True, description="Move instants that are off by rounds of 1024 GPS weeks to the nearest epoch, flagged."
    )
    screen_correct_clock: bool = Field(
        True, description="Recognise trackers whose clock is off by a constant, and correct their fixes, flagged."
    )
    screen_static_drift_m: float = Field(
        30.0, ge=0, le=1_000, description="Fixes of a standing vehicle that wander no further are flagged; 0: none are."
    )

    # what movement is held to; tenants and vehicles may have their own (`settings.movement`)
    speed_limit_mps: float = Field(0.0, ge=0, le=1_000, description="Faster for some time is `vehicle.overspeed`; 0: no limit.")
    allowed_hours_file: Path | None = Field(
        None, description="iCalendar file: moving outside of its events is `vehicle.unauthorised`. Unset: at any time."
    )
    watch_towing: bool = Field(False, description="Moving with the ignition off is `vehicle.unauthorised`.")
    unauthorised_after_s: float = Field(60.0, ge=0, le=86_400, description="So long on the move without leave, and it is told.")

    # which vehicles are together; tenants may have their own (`settings.proximity`), but for the delay
    proximity_near_m: float = Field(
        0.0, ge=0, le=500, description="Two vehicles of a tenant no further apart are `vehicle.proximity`; from 15 on, 0: none are."
    )
    proximity_near_s: float = Field(60.0, ge=30, le=86_400, description="For so long at least.")
    proximity_except_tag: str | None = Field(None, description="What happens in fences with this tag (depots) does not count.")
    proximity_delay_s: float = Field(
        120.0,
        ge=90,
        le=86_400,
        description="So long after an instant it is judged who was together; later fixes bring corrections.",
    )

    # how often things happen
    checkpoint_interval_s: float = Field(10.0, gt=0, le=3600, description="How often the worker saves what a restart begins from.")
    batch_max_messages: int = Field(10_000, ge=1, le=65_535, description="Most messages in one transaction.")
    late_horizon_h: float = Field(48.0, ge=0, description="Older fixes are stored, and change no visit any more.")
    stale_after_s: float = Field(300.0, gt=0, description="A vehicle that is silent for so long is stale.")
    offline_after_s: float = Field(1_800.0, gt=0, description="A vehicle that is silent for so long is offline.")
    disconnected_after_s: float = Field(
        30.0, ge=0, description="A vehicle whose tracker was disconnected (last will) is offline after so long without a fix."
    )

    # how long things are kept
    retain_fixes_days: int = Field(0, ge=0, description="0 keeps for ever.")
    retain_events_days: int = Field(0, ge=0, description="Events and visits; 0 keeps for ever.")
    retain_etas_days: int = Field(90, ge=0, description="Predictions that were made; 0 keeps for ever.")
    retain_dead_letters_days: int = Field(30, ge=0, description="0 keeps for ever.")

    # what it serves
    http_host: str = Field(_LOOPBACK, description="Address of the API and the screen.")
    http_port: int = Field(8080, ge=0, le=65_535, description="Port of the API and the screen; 0 takes a free one.")
    mqtt_host: str = Field(_LOOPBACK, description="Address of the embedded broker.")
    mqtt_port: int = Field(1883, ge=0, le=65_535, description="Port of the embedded broker; 0 takes a free one.")
    metrics_host: str = Field(_LOOPBACK, description="Address of the worker's and the alert sender's own /metrics.")
    metrics_port: int = Field(9464, ge=0, le=65_535, description="Port of a lone worker's /metrics; 0 takes a free one.")
    alerts_metrics_port: int = Field(9465, ge=0, le=65_535, description="Port of the alert sender's /metrics; 0 takes a free one.")
    data_dir: Path = Field(Path(".outrider"), description="Where `outrider up` keeps its embedded servers' data.")
    web_dir: Path | None = Field(None, description="The built screen. Unset: `web/dist` beside the packages.")
    allowed_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Other origins whose pages may use the API with a key, comma-separated."
    )
    max_live_connections: int = Field(10_000, ge=1, description="Most WebSocket readers at a time.")

    # who may come in
    admin_key: SecretStr | None = Field(None, description="The first administrator's API key. Unset: made at start, printed once.")
    anonymous_role: Role | None = Field(
        None, description="Role of callers without a key. Unset: none (`viewer` in the demo on loopback)."
    )
    session_secret: SecretStr | None = Field(None, description="Signs browser sessions. Unset: derived anew at each start.")

    # what the screen shows
    tile_url: str | None = Field(None, description="Raster tiles, with {z}/{x}/{y}. Unset: a plain base layer, no network needed.")
    tile_attribution: str = Field("", description="What the owner of the tiles wants to read below the map.")
    style_url: HttpUrl | None = Field(None, description="A MapLibre style instead of raster tiles.")
    streets_file: Path | None = Field(
        None, description="GeoJSON lines for the plain base layer; `outrider simulate streets` makes one from an OSM extract."
    )

    # alerts
    webhook_allow_private: bool = Field(False, description="Let webhooks go to private and loopback addresses, and over http.")
    webhook_timeout_s: float = Field(20.0, ge=1, le=60, description="Longest wait for a webhook's answer.")

    # what it says
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least severity that is logged.")
    log_format: LogFormat = Field(LogFormat.TEXT, description="text for people, json for machines.")

    @field_validator("mqtt_topics", "allowed_origins", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("format_topics", mode="before")
    @classmethod
    def _by_format(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        parts = [part.partition("=") for part in value.split(";") if part.strip()]
        found = {name.strip(): cls._split(topics) for name, _, topics in parts}
        if not all(name and topics for name, topics in found.items()):
            raise ValueError("write it as format=filter, filter; format=filter")
        return found

    @field_validator("mqtt_url")
    @classmethod
    def _is_broker(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not value.get_secret_value().startswith(("mqtt://", "mqtts://")):
            raise ValueError("must start with mqtt:// or mqtts://")
        return value

    @field_validator("database_url")
    @classmethod
    def _is_database(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not value.get_secret_value().startswith(("postgresql://", "postgres://", "memory:")):
            raise ValueError("must start with postgresql://")
        return value

    @field_validator("admin_key")
    @classmethod
    def _is_long_enough(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < 8:
            raise ValueError("must have at least 8 characters")
        return value

    @model_validator(mode="after")
    def _goes_together(self) -> Settings:
        if (self.mqtt_cert_file is None) != (self.mqtt_key_file is None):
            raise ValueError("OUTRIDER_MQTT_CERT_FILE and OUTRIDER_MQTT_KEY_FILE are set together")
        if self.offline_after_s < self.stale_after_s:
            raise ValueError("OUTRIDER_OFFLINE_AFTER_S must not be less than OUTRIDER_STALE_AFTER_S")
        if self.tile_url and self.style_url:
            raise ValueError("OUTRIDER_TILE_URL and OUTRIDER_STYLE_URL exclude each other")
        return self


def load_settings(**overrides: object) -> Settings:
    """Settings from the environment, with what the command line said on top. Raises InvalidSettings."""
    try:
        return Settings(**{name: value for name, value in overrides.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as problem:
        raise InvalidSettings("; ".join(_explain(error["loc"], error["msg"]) for error in problem.errors())) from None


def _explain(location: tuple[int | str, ...], message: str) -> str:
    sentence = message.removeprefix("Value error, ")
    return f"OUTRIDER_{str(location[0]).upper()}: {sentence}" if location else sentence


def environment_name(field: str) -> str:
    """`http_port` -> `OUTRIDER_HTTP_PORT`"""
    return f"OUTRIDER_{field.upper()}"
