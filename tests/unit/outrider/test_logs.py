"""No credential gets into a log line, whichever way it comes."""

from __future__ import annotations

import logging

import orjson
import pytest

from outrider.logs import hide_secrets, start_logging
from outrider.settings import Settings


@pytest.mark.parametrize(
    "text",
    [
        "cannot reach postgresql://outrider:hunter2@db:5432/outrider",
        "mqtt://van-01:hunter2@broker refused us",
        "GET /v1/live?key=hunter2&since=4",
        "Authorization: Bearer hunter2",
        "made key ork_hunter2",
        "secret whsec_hunter2==",
        "password=hunter2",
    ],
)
def test_credentials_are_blanked(text: str) -> None:
    hidden = hide_secrets(text)
    assert "hunter2" not in hidden
    assert "***" in hidden


def test_ordinary_text_stays_as_it_is() -> None:
    text = "stored 40 fixes of van-01 from mqtt://broker:1883 in 12 ms; key event stop.arrived"
    assert hide_secrets(text) == text


def test_a_trace_is_scrubbed_too(capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    before = (root.level, root.handlers[:])
    try:
        start_logging(Settings(log_format="json", _env_file=None), "worker")
        try:
            int("postgresql://u:hunter2@db/x")
        except ValueError:
            logging.getLogger("outrider.test").exception("could not connect with password=%s", "hunter2")
        line = capsys.readouterr().err
    finally:
        root.handlers[:] = before[1]
        root.setLevel(before[0])
    entry = orjson.loads(line)
    assert entry["tier"] == "worker"
    assert entry["level"] == "error"
    assert "ValueError" in entry["trace"]
    assert "hunter2" not in line
