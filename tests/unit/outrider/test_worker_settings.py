"""What the worker makes of the settings."""

from __future__ import annotations

import os
from dataclasses import fields

import orjson
import pytest

from api.models.own_settings import ScreeningBody
from fleet.screen_settings import ScreenOverrides, ScreenSettings
from outrider.settings import InvalidSettings, Settings, load_settings
from outrider.tiers.worker import reception_of, screen_settings
from tests.unit.ingest.messages import batch_of

PAYLOAD = orjson.dumps(
    {"device_id": "p1", "location": {"timestamp": "2026-02-16T15:58:03Z", "coords": {"latitude": 1, "longitude": 2}}}
)


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("OUTRIDER_")]:
        monkeypatch.delenv(name)


def test_every_rule_of_screening_has_a_setting_of_the_same_default_at_every_level() -> None:
    names = {one.name for one in fields(ScreenSettings)}
    assert {name.removeprefix("screen_") for name in Settings.model_fields if name.startswith("screen_")} == names
    assert {one.name for one in fields(ScreenOverrides)} == set(ScreeningBody.model_fields) == names
    assert screen_settings(load_settings()) == ScreenSettings()


def test_a_setting_of_the_installation_reaches_the_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUTRIDER_SCREEN_CORRECT_CLOCK", "false")
    monkeypatch.setenv("OUTRIDER_SCREEN_STATIC_DRIFT_M", "5")
    assert screen_settings(load_settings()) == ScreenSettings(correct_clock=False, static_drift_m=5)


def test_other_topics_select_a_format(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUTRIDER_FORMAT_TOPICS", "traccar = phones/+ ; teltonika=eu/+/data, us/+/data")
    settings = load_settings()
    assert settings.format_topics == {"traccar": ("phones/+",), "teltonika": ("eu/+/data", "us/+/data")}
    router = reception_of(settings).router
    assert {"phones/+", "eu/+/data", "us/+/data"} <= set(router.topics)
    assert not {"traccar/+", "+/data"} & set(router.topics)
    assert router.decode(batch_of([PAYLOAD], "phones/x")).trackers == [("default", "p1")]
    assert router.decode(batch_of([b"{}"], "eu/352093081452251/data")).refused[0].tracker == ("default", "352093081452251")


@pytest.mark.parametrize("text", ["traccar", "traccar=", "=phones/+"])
def test_topics_that_name_no_format_or_none(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("OUTRIDER_FORMAT_TOPICS", text)
    with pytest.raises(InvalidSettings, match=r"^OUTRIDER_FORMAT_TOPICS: write it as format=filter, filter; format=filter$"):
        load_settings()


def test_an_unknown_format_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUTRIDER_FORMAT_TOPICS", "tracar=phones/+")
    with pytest.raises(InvalidSettings, match=r"^OUTRIDER_FORMAT_TOPICS: no format 'tracar'; there are native, hfp"):
        reception_of(load_settings())
