"""What the API can be told. `outrider` builds this from the environment; a bound sits on each field."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from fleet.access import Role


class ApiSettings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    default_tenant: str = Field("default", min_length=1, max_length=64)
    #: Role of callers without a key; None lets nobody in without one.
    anonymous_role: Role | None = None
    #: Whose data anonymous callers see; None: all tenants'.
    anonymous_tenant: str | None = None
    #: Signs browser sessions. None: made at start, so that sessions end with the process.
    session_secret: SecretStr | None = None
    session_lifetime_s: int = Field(12 * 3600, ge=60, le=30 * 86_400)
    #: Failed logins of one address before it has to wait, and how long until one more is allowed.
    login_burst: int = Field(10, ge=1)
    login_refill_s: float = Field(6.0, gt=0)

    #: Folder of the built screen; None: there is none.
    web_dir: Path | None = None
    style_url: str | None = None
    tile_url: str | None = None
    tile_attribution: str = ""
    #: GeoJSON lines that the screen draws on its plain base layer.
    streets_file: Path | None = None
    #: Origins of other pages that may call the API with a key.
    allowed_origins: tuple[str, ...] = ()
    version: str = "0.1.0"

    #: Webhooks may go to http and to private addresses.
    webhook_allow_private: bool = False
    max_body_bytes: int = Field(32 << 20, ge=1024)
    max_live_connections: int = Field(10_000, ge=1)
    #: Events kept in memory for readers that are a little behind.
    live_event_window: int = Field(10_000, ge=100)
    live_events_poll_s: float = Field(1.0, gt=0, le=60)
    live_refresh_s: float = Field(60.0, gt=0)
    #: A connection that has not said what it wants by then is closed.
    live_subscribe_within_s: float = Field(30.0, gt=0)
    live_access_recheck_s: float = Field(30.0, gt=0)
    #: A worker is current while it was heard of so recently.
    worker_heard_within_s: float = Field(30.0, gt=0)
    #: Whether `/readyz` asks for a worker's sign of life.
    expects_worker: bool = True
