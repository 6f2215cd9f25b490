"""Settings: documented, validated, and silent about secrets."""

from __future__ import annotations

from pathlib import Path

import pytest

from outrider.settings import InvalidSettings, Settings, UnknownTrackers, environment_name, load_settings
from outrider.settings_page import render

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(environment_name(name), raising=False)
    monkeypatch.chdir(tmp_path)


def test_the_page_documents_every_setting() -> None:
    assert (ROOT / "docs" / "settings.md").read_text() == render(), "make it again: outrider settings --markdown > docs/settings.md"


def test_every_setting_says_what_it_does() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_everything_listens_on_loopback_unless_told_otherwise() -> None:
    settings = load_settings()
    assert {settings.http_host, settings.mqtt_host, settings.metrics_host} == {"127.0.0.1"}


def test_the_environment_and_then_the_command_line_decide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUTRIDER_HTTP_PORT", "9000")
    monkeypatch.setenv("OUTRIDER_UNKNOWN_TRACKERS", "quarantine")
    monkeypatch.setenv("OUTRIDER_MQTT_TOPICS", "fleet/+/+/fix, /hfp/v2/#")
    settings = load_settings(http_port=9001, http_host=None)
    assert settings.http_port == 9001
    assert settings.unknown_trackers is UnknownTrackers.QUARANTINE
    assert settings.mqtt_topics == ("fleet/+/+/fix", "/hfp/v2/#")


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("OUTRIDER_HTTP_PORT", "70000", "OUTRIDER_HTTP_PORT: Input should be less than or equal to 65535"),
        ("OUTRIDER_MQTT_URL", "http://broker", "OUTRIDER_MQTT_URL: must start with mqtt:// or mqtts://"),
        ("OUTRIDER_DATABASE_URL", "mysql://u:hunter2@h/d", "OUTRIDER_DATABASE_URL: must start with postgresql://"),
        ("OUTRIDER_MQTT_CERT_FILE", "c.pem", "OUTRIDER_MQTT_CERT_FILE and OUTRIDER_MQTT_KEY_FILE are set together"),
        ("OUTRIDER_ADMIN_KEY", "short", "OUTRIDER_ADMIN_KEY: must have at least 8 characters"),
    ],
)
def test_a_wrong_setting_is_named_and_not_repeated(monkeypatch: pytest.MonkeyPatch, name: str, value: str, text: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(InvalidSettings) as raised:
        load_settings()
    assert str(raised.value) == text


def test_secrets_are_not_in_the_text_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUTRIDER_MQTT_URL", "mqtt://u:hunter2@broker")
    monkeypatch.setenv("OUTRIDER_DATABASE_URL", "postgresql://u:hunter2@db/outrider")
    monkeypatch.setenv("OUTRIDER_ADMIN_KEY", "hunter2-hunter2")
    settings = load_settings()
    assert "hunter2" not in repr(settings)
    assert "hunter2" not in settings.model_dump_json()
