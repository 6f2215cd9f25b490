"""HSL HFP, from recordings and by hand."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.clock import parse_rfc3339, to_micros
from fleet.screening import Flag, Reason
from ingest.formats.hfp import Hfp, ident_of
from ingest.formats.refusing import Unreadable
from ingest.protocol import Decoded
from tests.shared import shared_path
from tests.unit.ingest.messages import batch_of

TOPIC = "/hfp/v2/journey/ongoing/vp/bus/0018/01029/5520/1/Martinlaakso/17:35/4150208/5/60;24/28/65/93"
BODY = {
    "desi": "520", "dir": "1", "oper": 6, "veh": 1029, "tst": "2024-02-13T16:32:59.931Z", "tsi": 1707841979, "spd": 4.5, "hdg": 274,
    "lat": 60.269247, "long": 24.853777, "acc": -1.7, "dl": -232, "odo": 25030, "drst": 1, "oday": "2024-02-13", "jrn": 632,
    "line": 1110, "start": "17:35", "loc": "GPS", "stop": 4150208, "route": "5520", "occu": 50,
}  # fmt: skip


def decode(body: Any, topic: str = TOPIC, event: str = "VP") -> Decoded:
    return Hfp().decode(batch_of([json.dumps({event: body}).encode()], topic), "default")


def extras_of(decoded: Decoded) -> dict[str, Any]:
    extras: dict[str, Any] = json.loads(decoded.fixes.extras[0] or b"{}")
    return extras


def test_every_member_that_is_kept() -> None:
    decoded = decode(BODY)
    fixes = decoded.fixes
    assert decoded.trackers == [("default", "0018/01029")]
    assert fixes.time.tolist() == [to_micros(parse_rfc3339("2024-02-13T16:32:59.931Z"))]
    assert (fixes.lat.tolist(), fixes.lon.tolist()) == ([60.269247], [24.853777])
    assert (fixes.speed_mps[0], fixes.heading_deg[0]) == (4.5, 274.0)
    assert extras_of(decoded) == {
        "event": "vp", "line": "520", "route": "5520", "direction": "1", "stop": "4150208", "delay_s": 232, "odometer_m": 25030,
        "door_open": True, "occupancy": 0.5, "acceleration_mps2": -1.7, "source": "gps",
    }  # fmt: skip


def test_late_is_positive() -> None:
    """HFP's `dl` is negative for a late vehicle."""
    assert extras_of(decode(BODY | {"dl": -60}))["delay_s"] == 60
    assert extras_of(decode(BODY | {"dl": 45}))["delay_s"] == -45


def test_nulls_are_not_said() -> None:
    nulls = dict.fromkeys(("spd", "hdg", "acc", "dl", "odo", "drst", "loc", "stop", "route", "occu", "desi", "dir"))
    decoded = decode(BODY | nulls)
    assert extras_of(decoded) == {"event": "vp"}
    assert decoded.refused == []


@pytest.mark.parametrize("missing", [{"lat": None}, {"long": None}, {"lat": None, "long": None}])
def test_no_position(missing: dict[str, None]) -> None:
    decoded = decode(BODY | missing)
    assert [refusal.reason for refusal in decoded.refused] == [Reason.NO_POSITION]
    assert decoded.refused[0].tracker == ("default", "0018/01029")


def test_a_reckoned_place_is_flagged() -> None:
    assert decode(BODY | {"loc": "ODO"}).fixes.flags.tolist() == [Flag.DEAD_RECKONED]
    assert decode(BODY).fixes.flags.tolist() == [0]


def test_whole_seconds_stand_in_for_a_missing_tst() -> None:
    without = {key: value for key, value in BODY.items() if key != "tst"}
    assert decode(without).fixes.time.tolist() == [1707841979000000]


@pytest.mark.parametrize(
    ("topic", "ident"),
    [
        (TOPIC, "0018/01029"),
        ("/hfp/v2/deadrun/ongoing/vp/bus/0018/01047", "0018/01047"),
        (
            "/hfp/v2/journey/ongoing/tla/tram/0040/00417/1007/1/Länsiterminaali T2/10:20/1020454/5/60;24/19/63/78/GREEN/2",
            "0040/00417",
        ),
        ("/hfp/v1/deadrun/ongoing/train/0090/06313", "0090/06313"),
        ("/hfp/v1/journey/ongoing/bus/0018/00640/1057/1/Munkkiniemi/07:32/1471139/3/60;25/20/38/71", "0018/00640"),
    ],
)
def test_the_topic_names_the_vehicle(topic: str, ident: str) -> None:
    assert ident_of(topic) == ident


@pytest.mark.parametrize(
    "topic", ["/hfp/v2/journey", "/hfp/v2/journey/ongoing/vp/bus/0018", "/hfp/v1/journey/ongoing/bus/x/y", "/hfp/v2/"]
)
def test_a_topic_without_a_vehicle(topic: str) -> None:
    with pytest.raises(Unreadable) as unreadable:
        ident_of(topic)
    assert unreadable.value.reason is Reason.INVALID_TOPIC


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"{}", Reason.WRONG_TYPE),
        (b'{"VP":{},"DUE":{}}', Reason.WRONG_TYPE),
        (b'{"VP":[]}', Reason.WRONG_TYPE),
        (b'{"VP":{"lat":"60","long":24,"tst":"2024-02-13T16:32:59.931Z"}}', Reason.WRONG_TYPE),
        (b'{"VP":{"lat":60,"long":24,"tst":5}}', Reason.WRONG_TYPE),
        (b'{"VP":{"lat":60,"long":24}}', Reason.MISSING_FIELD),
        (b'{"VP":{"lat":60', Reason.INVALID_JSON),
    ],
)
def test_refused(payload: bytes, reason: Reason) -> None:
    decoded = Hfp().decode(batch_of([payload], TOPIC), "default")
    assert [refusal.reason for refusal in decoded.refused] == [reason]


def test_an_odd_member_does_not_cost_the_position() -> None:
    decoded = decode(BODY | {"desi": 520, "drst": "open", "stop": [1]})
    assert decoded.refused == []
    assert "line" not in extras_of(decoded)


@given(st.lists(st.tuples(st.text(max_size=60) | st.just(TOPIC), st.binary(max_size=80) | st.just(b'{"VP":null}')), max_size=5))
def test_nothing_raises(messages: list[tuple[str, bytes]]) -> None:
    decoded = Hfp().decode(batch_of([payload for _, payload in messages], [topic for topic, _ in messages]), "default")
    accounted = {*decoded.fixes.message.tolist(), *(refusal.message for refusal in decoded.refused)}
    assert accounted == set(range(len(messages)))


numbers = st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5)


@given(st.dictionaries(st.sampled_from(list(BODY)), numbers, max_size=4))
def test_no_body_raises(odd: dict[str, Any]) -> None:
    decoded = decode(BODY | odd)
    assert len(decoded.fixes) + len(decoded.refused) == 1


def recordings() -> list[Path]:
    folder = shared_path("data", "hfp")
    return sorted(folder.rglob("*.txt"))


@pytest.mark.shared
def test_the_recordings(read_hfp: Callable[[Path], list[tuple[str, bytes]]]) -> None:
    messages = [message for path in recordings() for message in read_hfp(path)]
    assert len(messages) > 4_000
    decoded = Hfp().decode(batch_of([payload for _, payload in messages], [topic for topic, _ in messages]), "default")
    null_positions = sum(
        any(body[axis] is None for axis in ("lat", "long")) for _, payload in messages for body in json.loads(payload).values()
    )
    assert Counter(refusal.reason for refusal in decoded.refused) == {Reason.NO_POSITION: null_positions}
    assert len(decoded.fixes) == len(messages) - null_positions
    assert all(59 < lat < 64 for lat in decoded.fixes.lat.tolist())
    assert (decoded.fixes.speed_mps[decoded.fixes.speed_mps == decoded.fixes.speed_mps] < 50).all()
