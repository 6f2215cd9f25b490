"""The broker as the settings name it."""

from __future__ import annotations

from fleet.errors import OutriderError
from mqttwire import MqttOptions, MqttVersion
from outrider.settings import Settings


class NoBroker(OutriderError):
    """No broker was named."""

    def __init__(self) -> None:
        super().__init__("no broker is named: set OUTRIDER_MQTT_URL (mqtt://host:port), or use `outrider up`")


def broker_options(settings: Settings, client_id: str = "") -> MqttOptions:
    """Where the broker is and who we are there. Raises NoBroker, or InvalidMqttOption where the URL is wrong."""
    if settings.mqtt_url is None:
        raise NoBroker
    password = settings.mqtt_password
    return MqttOptions.from_url(
        settings.mqtt_url.get_secret_value(),
        username=settings.mqtt_username,
        password=password.get_secret_value() if password is not None else None,
        ca_file=settings.mqtt_ca_file,
        cert_file=settings.mqtt_cert_file,
        key_file=settings.mqtt_key_file,
        client_id=client_id,
        keep_alive_s=settings.mqtt_keep_alive_s,
        version=MqttVersion(settings.mqtt_protocol),
    )
