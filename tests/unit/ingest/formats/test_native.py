"""The native format: what is kept, what is refused and why."""

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.clock import parse_rfc3339, to_micros
from fleet.screening import Reason
from ingest.formats.instants import NO_TIME
from ingest.formats.native import Native
from ingest.protocol import Decoded
from tests.unit.ingest.messages import RECEIVED_US, batch_of

FULL = {
    "time": "2026-02-16T15:58:03.120Z",
    "lat": 60.171690,
    "lon": 24.941684,
    "speed_mps": 8.5,
    "heading_deg": 314,
    "accuracy_m": 4.0,
    "altitude_m": 12.5,
    "satellites": 9,
    "seq": 41,
    "extras": {"ignition": True, "odometer_m": 12345.5},
}
GOOD = {"time": "2026-02-16T15:58:03Z", "lat": 60.0, "lon": 24.0}


def decode(*payloads: bytes | Any) -> Decoded:
    return Native().decode(batch_of([one if isinstance(one, bytes) else json.dumps(one).encode() for one in payloads]), "default")


def test_every_column_is_read() -> None:
    fixes = decode(FULL).fixes
    assert fixes.time.tolist() == [to_micros(parse_rfc3339("2026-02-16T15:58:03.120Z"))]
    assert (fixes.lat.tolist(), fixes.lon.tolist()) == ([60.171690], [24.941684])
    assert (fixes.speed_mps[0], fixes.heading_deg[0], fixes.accuracy_m[0], fixes.altitude_m[0]) == (8.5, 314.0, 4.0, 12.5)
    assert fixes.satellites.tolist() == [9]
    assert fixes.received.tolist() == [RECEIVED_US]
    assert json.loads(fixes.extras[0] or b"") == {"seq": 41, "ignition": True, "odometer_m": 12345.5}


def test_what_is_not_said_stays_unsaid() -> None:
    fixes = decode(GOOD).fixes
    assert all(math.isnan(column[0]) for column in (fixes.speed_mps, fixes.heading_deg, fixes.accuracy_m, fixes.altitude_m))
    assert fixes.satellites.tolist() == [-1]
    assert fixes.extras == [None]


def test_the_topic_names_tenant_and_tracker() -> None:
    topics = ["fleet/acme/van-1/fix", "fleet/zeta/van-1/fix", "fleet/acme/van-1/fix"]
    decoded = Native().decode(batch_of([json.dumps(GOOD).encode()] * 3, topics), "default")
    assert [decoded.trackers[index] for index in decoded.tracker.tolist()] == [
        ("acme", "van-1"),
        ("zeta", "van-1"),
        ("acme", "van-1"),
    ]


def test_an_array_is_many_fixes_of_one_message() -> None:
    decoded = decode(GOOD, [GOOD | {"lat": 61.0}, GOOD | {"lat": 62.0}], GOOD)
    assert decoded.fixes.lat.tolist() == [60.0, 61.0, 62.0, 60.0]
    assert decoded.fixes.message.tolist() == [0, 1, 1, 2]
    assert len(decoded.tracker) == 4


def test_an_empty_array_is_no_fault() -> None:
    decoded = decode([])
    assert (len(decoded.fixes), decoded.refused, decoded.ignored) == (0, [], [0])


def test_unknown_keys_are_kept_in_extras_and_extras_themselves_go_first() -> None:
    decoded = decode(GOOD | {"firmware": "1.2", "doors": [1, 2], "ignition": False, "extras": {"ignition": True}})
    assert json.loads(decoded.fixes.extras[0] or b"") == {"firmware": "1.2", "doors": [1, 2], "ignition": True}


def test_time_may_be_milliseconds_or_have_an_offset() -> None:
    decoded = decode(
        GOOD | {"time": 1771257483120}, GOOD | {"time": "2026-02-16T17:58:03.120+02:00"}, GOOD | {"time": 1771257483120.0}
    )
    assert set(decoded.fixes.time.tolist()) == {1771257483120000}


def test_one_bad_fix_of_an_array_leaves_the_others() -> None:
    decoded = decode([GOOD, {"lat": 1.0, "lon": 2.0}, GOOD | {"lat": 61.0}])
    assert decoded.fixes.lat.tolist() == [60.0, 61.0]
    (refusal,) = decoded.refused
    assert (refusal.message, refusal.reason, refusal.detail) == (0, Reason.MISSING_FIELD, "fix 1: time is missing")


def test_a_bad_message_between_good_ones_is_refused_alone() -> None:
    decoded = decode(GOOD, b"{", GOOD, b"\xff", GOOD)
    assert decoded.fixes.message.tolist() == [0, 2, 4]
    assert [refusal.message for refusal in decoded.refused] == [1, 3]
    assert all(refusal.tracker == ("default", "van-1") for refusal in decoded.refused)


REFUSED = [
    (b"", Reason.INVALID_JSON, "empty payload"),
    (b"  \n", Reason.INVALID_JSON, "empty payload"),
    (b'{"time":1771257483120,"lat":60.1', Reason.INVALID_JSON, "Input data was truncated"),
    (b'{"time":1771257483120,"lat":60.1,"lon":24.9} {}', Reason.INVALID_JSON, None),
    (b'{"time":1771257483120,"lat":1,"lon":2},{"time":1771257483120,"lat":1,"lon":2}', Reason.INVALID_JSON, None),
    (b'{"time":1771257483120,"lat":1,"lon":2}],[', Reason.INVALID_JSON, None),
    (b"[" * 100_000, Reason.INVALID_JSON, "nested too deeply"),
    (b'{"a":' * 3_000 + b"1" + b"}" * 3_000, Reason.INVALID_JSON, "nested too deeply"),
    (b"\xff\xfe", Reason.INVALID_UTF8, "byte 0 is not UTF-8"),
    (b'{"time":"\xc3\x28","lat":1,"lon":2}', Reason.INVALID_UTF8, "byte 0 of a text is not UTF-8"),
    (b'{"time":1771257483120,"lat":NaN,"lon":2}', Reason.NOT_A_NUMBER, "NaN is not a number of JSON"),
    (b'{"time":1771257483120,"lat":1,"lon":-Infinity}', Reason.NOT_A_NUMBER, "-Infinity is not a number of JSON"),
    (b'{"time":1771257483120,"lat":1e999,"lon":2}', Reason.OUT_OF_RANGE, None),
    (b"null", Reason.WRONG_TYPE, "the payload is null, not an object"),
    (b"12", Reason.WRONG_TYPE, "the payload is a number, not an object"),
    (b'"text"', Reason.WRONG_TYPE, "the payload is the text 'text', not an object"),
    (b"[1]", Reason.WRONG_TYPE, "fix 0: the fix is a number, not an object"),
    (b'{"time":1771257483120,"lat":true,"lon":2}', Reason.WRONG_TYPE, "lat is a boolean, not a number"),
    (b'{"time":1771257483120,"lat":"60","lon":2}', Reason.WRONG_TYPE, "lat is the text '60', not a number"),
    (b'{"time":1771257483120,"lat":[60],"lon":2}', Reason.WRONG_TYPE, "lat is an array, not a number"),
    (b'{"time":1771257483120,"lat":1,"lon":2,"speed_mps":"fast"}', Reason.WRONG_TYPE, "speed_mps is the text 'fast', not a number"),
    (b'{"time":1771257483120,"lat":1,"lon":2,"satellites":7.5}', Reason.WRONG_TYPE, "satellites is 7.5, not a whole number"),
    (b'{"time":1771257483120,"lat":1,"lon":2,"extras":[]}', Reason.WRONG_TYPE, "extras is an array, not an object"),
    (b'{"time":true,"lat":1,"lon":2}', Reason.WRONG_TYPE, "time is a boolean, not a number"),
    (b'{"time":null,"lat":1,"lon":2}', Reason.WRONG_TYPE, "time is null, neither RFC 3339 nor whole milliseconds"),
    (b'{"time":1.5,"lat":1,"lon":2}', Reason.WRONG_TYPE, "time is 1.5, not a whole number"),
    (b'{"lat":1,"lon":2}', Reason.MISSING_FIELD, "time is missing"),
    (b'{"time":1771257483120,"lon":2}', Reason.MISSING_FIELD, "lat is missing"),
    (b'{"time":1771257483120,"lat":null,"lon":2}', Reason.NO_POSITION, "lat is null"),
    (b'{"time":1771257483120,"lat":1,"lon":' + b"9" * 400 + b"}", Reason.OUT_OF_RANGE, None),
]  # fmt: skip


@pytest.mark.parametrize(("payload", "reason", "detail"), REFUSED, ids=[f"{case[1]}-{case[0][:30]!r}" for case in REFUSED])
def test_refused_with_its_reason(payload: bytes, reason: Reason, detail: str | None) -> None:
    decoded = decode(payload)
    assert len(decoded.fixes) == 0
    (refusal,) = decoded.refused
    assert (refusal.message, refusal.reason) == (0, reason)
    assert refusal.detail
    if detail is not None:
        assert refusal.detail == detail


UNUSABLE_TIMES = ["yesterday", "2026-02-16T15:58:03", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z", "0000-01-01T00:00:00Z",
                  10**30, -(10**30), 2**63, 253_402_300_800_000]  # fmt: skip


@pytest.mark.parametrize("time", UNUSABLE_TIMES)
def test_a_time_that_is_none_is_left_to_screening(time: str | int) -> None:
    assert decode(GOOD | {"time": time}, GOOD).fixes.time.tolist() == [NO_TIME, to_micros(parse_rfc3339("2026-02-16T15:58:03Z"))]


def test_a_large_batch_keeps_the_order_of_its_fixes_and_whose_they_are() -> None:
    one = b'{"time":%d,"lat":1,"lon":2}'
    sizes = [3_000, 1, 0, 2_999, 5_000, 1, 4]
    numbers = iter(range(sum(sizes)))
    messages = [b"[" + b",".join(one % next(numbers) for _ in range(size)) + b"]" for size in sizes]
    decoded = decode(*messages[:4], b"bad", *messages[4:])
    assert decoded.fixes.time.tolist() == [number * 1000 for number in range(sum(sizes))]
    assert [decoded.fixes.message.tolist().count(index) for index in range(8)] == [*sizes[:4], 0, *sizes[4:]]
    assert decoded.fixes.message.tolist() == sorted(decoded.fixes.message.tolist())
    assert decoded.fixes.message.dtype == np.int32
    assert len(decoded.fixes.extras) == len(decoded.fixes.received) == len(decoded.tracker) == sum(sizes)
    assert (decoded.ignored, [refusal.message for refusal in decoded.refused]) == ([2], [4])


def test_the_last_of_doubled_keys_counts_on_both_paths() -> None:
    fast = b'{"time":1771257483120,"lat":1,"lon":2,"lat":3}'
    plain = b'{"time":1771257483120,"lat":1,"lon":2,"lat":3,"unknown":0}'
    assert decode(fast, plain).fixes.lat.tolist() == [3.0, 3.0]


def test_extras_are_something_that_a_database_can_hold() -> None:
    nasty = b'{"time":1771257483120,"lat":1,"lon":2,"extras":{"nul\\u0000":"a\\u0000b","big":%s,"deep":%s}}'
    deep = b"[" * 200 + b"]" * 200
    decoded = decode(nasty % (b"9" * 100, deep))
    (extras,) = decoded.fixes.extras
    assert extras is not None
    assert b"\\u0000" not in extras
    assert json.loads(extras)["nul\ufffd"] == "a\ufffdb"


@pytest.mark.parametrize("extra", [b"1e999", b'"\\ud800"', b'"\xff"', b"NaN"])
def test_extras_that_are_no_json_refuse_the_message(extra: bytes) -> None:
    decoded = decode(b'{"time":1771257483120,"lat":1,"lon":2,"extras":{"a":%s}}' % extra)
    assert len(decoded.fixes) == 0
    assert len(decoded.refused) == 1


# -- properties

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3))
objects = st.dictionaries(st.sampled_from([*FULL, "unknown", ""]), values, max_size=12)
nearly_good = st.dictionaries(st.sampled_from([*FULL, "unknown"]), values, max_size=2).map(lambda odd: FULL | odd)
payloads = st.one_of(
    st.binary(max_size=200),
    st.one_of(objects, nearly_good, st.lists(nearly_good, max_size=3), values).map(lambda value: json.dumps(value).encode()),
    st.tuples(nearly_good.map(lambda value: json.dumps(value).encode()), st.integers(0, 200)).map(lambda cut: cut[0][: cut[1]]),
)


@given(st.lists(payloads, max_size=6))
def test_nothing_raises_and_every_message_is_accounted_for(messages: list[bytes]) -> None:
    decoded = decode(*messages)
    accounted = {*decoded.fixes.message.tolist(), *(refusal.message for refusal in decoded.refused), *decoded.ignored}
    assert accounted == set(range(len(messages)))
    assert len(decoded.tracker) == len(decoded.fixes)
    for extras in decoded.fixes.extras:
        assert extras is None or isinstance(json.loads(extras), dict)


@given(st.lists(payloads, min_size=1, max_size=6))
def test_neighbours_do_not_matter(messages: list[bytes]) -> None:
    together = decode(*messages)
    alone = [decode(message) for message in messages]
    assert together.fixes.lat.tolist() == pytest.approx([lat for one in alone for lat in one.fixes.lat.tolist()], nan_ok=True)
    assert together.fixes.time.tolist() == [time for one in alone for time in one.fixes.time.tolist()]
    assert together.fixes.extras == [extras for one in alone for extras in one.fixes.extras]
    assert [refusal.reason for refusal in together.refused] == [refusal.reason for one in alone for refusal in one.refused]


@given(nearly_good)
def test_the_fast_and_the_plain_path_agree(value: dict[str, Any]) -> None:
    """A key that is not in the vocabulary forces the plain path; nothing else may differ for it."""
    fast, plain = decode(value), decode(value | {"something else": 1})
    assert [(one.reason) for one in fast.refused] == [(one.reason) for one in plain.refused]
    for name in ("time", "lat", "lon", "speed_mps", "heading_deg", "accuracy_m", "altitude_m", "satellites"):
        assert getattr(fast.fixes, name).tolist() == pytest.approx(getattr(plain.fixes, name).tolist(), nan_ok=True)
