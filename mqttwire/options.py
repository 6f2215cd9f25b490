"""Where the broker is and how to speak to it, validated once. Credentials stay out of every text that this module makes."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import SplitResult, unquote, urlsplit

from mqttwire.backoff import BackoffLimits
from mqttwire.errors import InvalidMqttOption

_DEFAULT_PORTS: Final = {"mqtt": 1883, "mqtts": 8883}


class MqttVersion(StrEnum):
    """Which MQTT to speak. AUTO tries 5 and falls back when the broker refuses it."""

    AUTO = "auto"
    V5 = "5"
    V311 = "3.1.1"


@dataclass(frozen=True, kw_only=True, slots=True)
class Will:
    """What the broker publishes for us when the connection breaks without a DISCONNECT."""

    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class MqttOptions:
    """One broker and one identity. `repr` shows no secret."""

    host: str
    port: int = _DEFAULT_PORTS["mqtt"]
    tls: bool = False
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    #: PEM file of the authorities to trust instead of the system's.
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    #: False takes any certificate: for a try-out only, it lets anybody in the middle read along.
    tls_verify: bool = True
    client_id: str = ""
    keep_alive_s: int = 30
    connect_timeout_s: float = 10.0
    version: MqttVersion = MqttVersion.AUTO
    will: Will | None = None
    backoff: BackoffLimits = BackoffLimits()

    def __post_init__(self) -> None:
        _check(bool(self.host), "host", "is missing")
        _check(0 < self.port < 65536, "port", f"{self.port} is not between 1 and 65535")
        _check(0 < self.keep_alive_s < 65536, "keep_alive_s", "must be between 1 and 65535")
        _check(self.connect_timeout_s > 0, "connect_timeout_s", "must be above 0")
        _check(self.key_file is None or self.cert_file is not None, "key_file", "needs cert_file beside it")
        tls_only = (self.ca_file, self.cert_file, self.key_file)
        _check(self.tls or not any(tls_only), "url", "certificates are set, but mqtt:// is not encrypted; use mqtts://")
        # [MQTT-3.1.2-22] of 3.1.1: a password without a user name is refused there.
        _check(self.password is None or self.username is not None, "password", "needs a user name")

    @classmethod
    def from_url(cls, url: str, **settings: Any) -> Self:
        """Options of `mqtt://[user[:password]@]host[:port]` or `mqtts://...`; `settings` that are not None win over the URL.

        Raises InvalidMqttOption; its text repeats nothing of the URL that could be a secret.
        """
        parts = _split(url)
        scheme = parts.scheme.lower()
        found: dict[str, Any] = {
            "host": parts.hostname or "",
            "port": parts.port or _DEFAULT_PORTS[scheme],
            "tls": scheme == "mqtts",
            "username": unquote(parts.username) if parts.username else None,
            "password": unquote(parts.password) if parts.password else None,
        }
        found.update((name, value) for name, value in settings.items() if value is not None)
        return cls(**found)

    @property
    def address(self) -> str:
        """The broker as a URL without credentials, for logs and errors."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'mqtts' if self.tls else 'mqtt'}://{host}:{self.port}"

    def with_client_id(self, prefix: str) -> Self:
        """These options with a client id of their own where none is set: two clients with one id throw each other out."""
        return self if self.client_id else replace(self, client_id=f"{prefix}-{secrets.token_hex(6)}")


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port  # urlsplit checks the port when it is read
    except ValueError:
        raise InvalidMqttOption("url", "is no URL of the form mqtt://host:port") from None
    scheme = parts.scheme.lower()
    _check(scheme in _DEFAULT_PORTS, "url", "must start with mqtt:// or mqtts://")
    _check(bool(parts.hostname), "url", "names no host")
    _check(parts.path in {"", "/"} and not parts.query and not parts.fragment, "url", "has something after host and port")
    return parts


def _check(holds: bool, option: str, problem: str) -> None:
    if not holds:
        raise InvalidMqttOption(option, problem)
