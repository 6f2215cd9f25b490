"""Where the broker is: what URLs mean, what is refused, and that no text shows a secret."""

from pathlib import Path

import pytest

from mqttwire.errors import InvalidMqttOption
from mqttwire.options import MqttOptions, MqttVersion


@pytest.mark.parametrize(
    ("url", "host", "port", "tls", "address"),
    [
        ("mqtt://broker", "broker", 1883, False, "mqtt://broker:1883"),
        ("mqtts://broker", "broker", 8883, True, "mqtts://broker:8883"),
        ("MQTT://broker:1234/", "broker", 1234, False, "mqtt://broker:1234"),
        ("mqtt://[::1]:1885", "::1", 1885, False, "mqtt://[::1]:1885"),
        ("mqtt://user:p%40ss@10.0.0.1", "10.0.0.1", 1883, False, "mqtt://10.0.0.1:1883"),
    ],
)
def test_what_a_url_says(url: str, host: str, port: int, tls: bool, address: str) -> None:
    options = MqttOptions.from_url(url)
    assert (options.host, options.port, options.tls, options.address) == (host, port, tls, address)


def test_credentials_of_the_url_are_decoded_and_settings_win() -> None:
    options = MqttOptions.from_url("mqtt://acme%2Fvan:p%40ss%3A@broker")
    assert (options.username, options.password) == ("acme/van", "p@ss:")
    options = MqttOptions.from_url("mqtt://a:b@broker", username="c", password="d", ca_file=None, keep_alive_s=5)
    assert (options.username, options.password, options.keep_alive_s) == ("c", "d", 5)
    assert options.version is MqttVersion.AUTO


def test_no_text_shows_the_password() -> None:
    options = MqttOptions.from_url("mqtt://user:hunter2@broker")
    assert "hunter2" not in repr(options) + str(options) + options.address


@pytest.mark.parametrize(
    ("url", "settings", "text"),
    [
        ("http://broker", {}, "url: must start with mqtt:// or mqtts://"),
        ("broker:1883", {}, "url: must start with mqtt:// or mqtts://"),
        ("mqtt://", {}, "url: names no host"),
        ("mqtt://broker:port", {}, "url: is no URL of the form mqtt://host:port"),
        ("mqtt://broker:99999", {}, "url: is no URL of the form mqtt://host:port"),
        ("mqtt://broker/topic", {}, "url: has something after host and port"),
        ("mqtt://broker", {"ca_file": Path("ca.pem")}, "url: certificates are set, but mqtt:// is not encrypted; use mqtts://"),
        ("mqtts://broker", {"key_file": Path("key.pem")}, "key_file: needs cert_file beside it"),
        ("mqtt://broker", {"password": "secret"}, "password: needs a user name"),
        ("mqtt://broker", {"keep_alive_s": 0}, "keep_alive_s: must be between 1 and 65535"),
        ("mqtt://broker", {"connect_timeout_s": 0.0}, "connect_timeout_s: must be above 0"),
    ],
)
def test_what_makes_no_sense_is_refused_without_repeating_a_secret(url: str, settings: dict[str, object], text: str) -> None:
    with pytest.raises(InvalidMqttOption) as caught:
        MqttOptions.from_url(url, **settings)
    assert str(caught.value) == text


def test_a_client_id_is_made_up_only_where_there_is_none() -> None:
    named = MqttOptions(host="broker", client_id="worker")
    assert named.with_client_id("pub") is named
    one, two = (MqttOptions(host="broker").with_client_id("pub").client_id for _ in range(2))
    assert one != two
    assert one.startswith("pub-")
