"""What `outrider decode` shows."""

import json

import pytest

from ingest.formats import format_named
from ingest.formats.decode_lines import Line, decode_lines
from tests.fuzz.seeds import TOPICS, seeds


def run(name: str, *lines: bytes, topic: str | None = None) -> list[Line]:
    wire_format = format_named(name)
    assert wire_format is not None
    return list(decode_lines(wire_format, lines, topic, 1771257483000000))


def test_a_fix_in_the_native_names() -> None:
    payload = b'{"time":1771257483120,"lat":60.1,"lon":24.9,"speed_mps":8.53,"satellites":7,"seq":3,"extras":{"ignition":true}}\n'
    (line,) = run("native", payload, topic="fleet/acme/van-1/fix")
    assert json.loads(line.text) == {
        "tracker": "van-1", "time": "2026-02-16T15:58:03.120Z", "lat": 60.1, "lon": 24.9, "speed_mps": 8.53, "satellites": 7,
        "seq": 3, "extras": {"ignition": True},
    }  # fmt: skip


def test_what_is_shown_reads_back_as_the_same_fix() -> None:
    (line,) = run("native", b'{"time":1771257483120,"lat":60.1,"lon":24.9,"heading_deg":359.99,"accuracy_m":4.1,"altitude_m":-3.2}')
    shown = {key: value for key, value in json.loads(line.text).items() if key != "tracker"}
    (again,) = run("native", json.dumps(shown).encode())
    assert again.text == line.text


def test_binary_and_several_fixes_and_empty_lines() -> None:
    array = b'[{"time":1771257483120,"lat":60.1,"lon":24.9},{"time":1771257484120,"lat":60.2,"lon":24.9}]'
    lines = run("native", b"\n", b"hex:" + array.hex().encode(), b"  ")
    assert [(line.number, json.loads(line.text)["lat"]) for line in lines] == [(2, 60.1), (2, 60.2)]


def test_what_is_wrong_with_a_line() -> None:
    problems = [
        line.problem
        for line in run(
            "native", b"{", b"hex:zz", b'{"time":1771257483120,"lat":100,"lon":24.9}', b'{"time":5,"lat":1,"lon":2}', b"[]"
        )
    ]
    assert problems == [
        "invalid_json: Input data was truncated",
        "wrong_type: what follows hex: is not hexadecimal",
        "swapped: lat 100, lon 24.9",
        "invalid_time: time 1970-01-01T00:00:00.005Z, received 0 s after it",
        "not_a_fix: understood, but it reports no position",
    ]


def test_a_time_to_come_is_no_fault_without_a_clock() -> None:
    (line,) = run("native", b'{"time":4102444800000,"lat":1,"lon":2}')
    assert line.problem == ""


@pytest.mark.parametrize("name", list(TOPICS))
def test_every_format_can_be_looked_into_with_text_and_with_hex(name: str) -> None:
    topic = TOPICS[name][0]
    for number, seed in enumerate(seeds(name)):
        as_hex = run(name, b"hex:" + seed.hex().encode(), topic=topic)
        if not seed.startswith(b"\0"):
            assert run(name, seed, topic=topic) == as_hex
        if number == 0 or seed.startswith(b"\0"):
            assert {"tracker", "time", "lat", "lon"} <= json.loads(as_hex[0].text).keys()
