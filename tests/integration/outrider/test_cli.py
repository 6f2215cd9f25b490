"""The command line as a person meets it: exit codes, one clear line, no traceback, no secret."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from outrider.ports import free_port

ROOT = Path(__file__).parents[3]


def outrider(
    *arguments: str, folder: Path, given: bytes = b"", environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    base = {name: value for name, value in os.environ.items() if not name.startswith("OUTRIDER_")}
    done = subprocess.run(
        [sys.executable, "-m", "outrider", *arguments],
        input=given,
        capture_output=True,
        cwd=folder,
        env={**base, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error", **(environment or {})},
        timeout=120,
        check=False,
    )
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


@pytest.mark.parametrize("arguments", [["nonsense"], ["up", "--nonsense"], ["simulate", "drive", "--vans", "0"], ["decode"]])
def test_wrong_usage_is_exit_code_2(arguments: list[str], tmp_path: Path) -> None:
    done = outrider(*arguments, folder=tmp_path)
    assert done.returncode == 2
    assert "Usage:" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "environment", "line"),
    [
        (["worker"], {}, "outrider: no broker is named: set OUTRIDER_MQTT_URL (mqtt://host:port), or use `outrider up`\n"),
        (["migrate"], {}, "outrider: no database is named: set OUTRIDER_DATABASE_URL (postgresql://...), or use `outrider up`\n"),
        (["alerts"], {"OUTRIDER_HTTP_PORT": "-1"}, "outrider: OUTRIDER_HTTP_PORT: Input should be greater than or equal to 0\n"),
        (["simulate", "drive", "--osm", "no.osm"], {"OUTRIDER_MQTT_URL": "mqtt://127.0.0.1"}, "outrider: no.osm: "),
    ],
)  # fmt: skip
def test_a_failure_is_exit_code_1_and_one_line(
    arguments: list[str], environment: dict[str, str], line: str, tmp_path: Path
) -> None:
    (tmp_path / "no.osm").write_text("no map")
    done = outrider(*arguments, folder=tmp_path, environment=environment)
    assert done.returncode == 1
    assert done.stderr.startswith(line)
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


def test_a_database_that_is_away_is_named_without_its_password(tmp_path: Path) -> None:
    url = f"postgresql://outrider:hunter2@127.0.0.1:{free_port('127.0.0.1')}/outrider"
    done = outrider("migrate", folder=tmp_path, environment={"OUTRIDER_DATABASE_URL": url})
    assert done.returncode == 1
    assert "hunter2" not in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("outrider: ")


def test_doctor_says_what_is_wrong_and_fails(tmp_path: Path) -> None:
    port = free_port("127.0.0.1")
    done = outrider(
        "doctor",
        folder=tmp_path,
        environment={
            "OUTRIDER_DATABASE_URL": f"postgresql://u:hunter2@127.0.0.1:{port}/x",
            "OUTRIDER_MQTT_URL": f"mqtt://u:hunter2@127.0.0.1:{port}",
            "OUTRIDER_HTTP_HOST": "0.0.0.0",
        },
    )
    assert done.returncode == 1
    lines = {line.split()[1]: line.split()[0] for line in done.stderr.splitlines() if line.strip()}
    assert lines["database"] == "bad"
    assert lines["broker"] == "bad"
    assert lines["network"] == "note"
    assert "hunter2" not in done.stderr


def test_doctor_is_content_with_a_bare_machine(tmp_path: Path) -> None:
    done = outrider("doctor", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "`outrider up` brings PostgreSQL" in done.stderr


def test_decode_turns_payloads_into_fixes(tmp_path: Path) -> None:
    given = b'{"time": "2026-02-16T15:58:03Z", "lat": 38.9, "lon": -77.0, "speed_mps": 4.5}\n'
    done = outrider("decode", "--format", "native", "--topic", "fleet/acme/van-1/fix", folder=tmp_path, given=given)
    assert done.returncode == 0, done.stderr
    assert '"tracker":"van-1"' in done.stdout.replace(" ", "")
    assert '"speed_mps":4.5' in done.stdout.replace(" ", "")


def test_decode_fails_with_the_reason(tmp_path: Path) -> None:
    done = outrider("decode", "--format", "native", "--topic", "fleet/acme/van-1/fix", folder=tmp_path, given=b'{"lat": 1\n')
    assert done.returncode == 1
    assert "invalid_json" in done.stderr
    assert "Traceback" not in done.stderr
