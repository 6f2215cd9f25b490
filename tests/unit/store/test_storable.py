"""What no database could hold is found row by row, and everything else passes."""

from __future__ import annotations

import numpy as np
import pytest

from fleet.fix import FixBatch
from fleet.message import DeadLetter, MessageBatch
from store.errors import Rejected
from store.matching import means_type
from store.paging import split_cursor
from store.refusals import check_tenant
from store.storable import EARLIEST_MICROS, LATEST_MICROS, dump_json, refused_letters, storable_letter, unstorable
from tests.integration.store.builders import at, dead_letter, fixes


def _good(size: int) -> FixBatch:
    return fixes([(1, at(second)) for second in range(size)])


def test_a_good_batch_has_no_problems() -> None:
    batch = _good(4)
    batch.lat[:2], batch.lon[:2] = [-90, 90], [-180, 180]
    batch.time[2:] = [EARLIEST_MICROS, LATEST_MICROS - 1]
    batch.extras = [None, b"{}", b'{"a": {"b": ["\\u00e4", 1e308, "\\\\u0000"]}}', b' {"k": null} ']
    assert unstorable(batch) == {}
    assert unstorable(FixBatch.empty()) == {}


@pytest.mark.parametrize(
    ("column", "value", "problem"),
    [
        ("vehicle", 0, "the vehicle is not known"),
        ("vehicle", -5, "the vehicle is not known"),
        ("lat", 90.001, "lat, lon: 90.001, 24.0 is no place"),
        ("lat", np.nan, "lat, lon: nan, 24.0 is no place"),
        ("lon", -np.inf, "lat, lon: 60.002, -inf is no place"),
        ("time", EARLIEST_MICROS - 1, "time: 315964799999999 us since 1970 is before 1980 or after 2099"),
        ("time", -(2**63), "time: -9223372036854775808 us since 1970 is before 1980 or after 2099"),
        ("time", LATEST_MICROS, "time: 4102444800000000 us since 1970 is before 1980 or after 2099"),
        ("received", -1, "received: -1 us since 1970 is before 1970 or after 2099"),
    ],
)
def test_a_value_that_no_column_holds_is_named(column: str, value: float, problem: str) -> None:
    batch = _good(5)
    getattr(batch, column)[2] = value
    assert unstorable(batch) == {2: problem}


@pytest.mark.parametrize(
    ("extras", "problem"),
    [
        (b"", "extras: "),
        (b"[1]", "extras: not a JSON object"),
        (b"null", "extras: not a JSON object"),
        (b'{"a": 1', "extras: "),
        (b'{"a": 1},{"b": 2}', "extras: "),
        (b'{"a": 1e999}', "extras: "),
        (b'{"a": "\\ud800"}', "extras: "),
        (b'{"a": "\xff"}', "extras: "),
        (b'{"a": ["x\\u0000y"]}', "extras: a text holds the character NUL"),
        (b'{"\\u0000": 1}', "extras: a text holds the character NUL"),
        (b"[" * 5000, "extras: "),
    ],
)
def test_extras_that_are_no_storable_json_object_are_named(extras: bytes, problem: str) -> None:
    batch = _good(3)
    batch.extras = [b'{"fine": "\\\\u0000"}', extras, None]
    found = unstorable(batch)
    assert list(found) == [1]
    assert found[1].startswith(problem)


def test_a_refused_fix_keeps_its_message_where_there_is_one() -> None:
    batch = _good(3)
    batch.time[1] = 2**62
    batch.message[:] = [0, 1, 1]
    messages = MessageBatch(topics=["a", "b"], payloads=[b"1", b"22"], received=[0, 0])
    (letter,) = refused_letters(batch, {1: "why"}, messages)
    assert (letter.topic, letter.payload, letter.payload_bytes, letter.detail) == ("b", b"22", 2, "why")
    (letter,) = refused_letters(batch, {1: "why"}, None)
    assert letter.payload.startswith(b'{"vehicle_key":1,"time":4611686018427387904')


def test_a_dead_letter_is_cleaned_and_otherwise_left_as_it_is() -> None:
    fine: DeadLetter = dead_letter(b"\0", topic="Käpylä/\U0001f69a")
    assert storable_letter(fine) == fine
    assert storable_letter(dead_letter(topic="a\0\udcffb")).topic == "a\ufffd?b"


def test_what_is_no_json_is_rejected() -> None:
    assert dump_json({"a": [1, None]}) == b'{"a":[1,null]}'
    for bad in ({"a": object()}, {"a": "\ud800"}, {1: 2}):
        with pytest.raises(Rejected, match="cannot be stored as JSON"):
            dump_json(bad)


@pytest.mark.parametrize(
    ("types", "event_type", "expected"),
    [
        (["stop.arrived"], "stop.arrived", True),
        (["stop.arrived"], "stop.arrived.revised", False),
        (["stop.arrived*"], "stop.arrived.revised", True),
        (["fence.*", "stop.*"], "stop.arrived", True),
        (["*"], "x", True),
        (["stop"], "stop.arrived", False),
        (["s*p.arrived"], "stop.arrived", False),
        ([], "x", False),
    ],
)
def test_types_and_prefixes_mean_events(types: list[str], event_type: str, expected: bool) -> None:
    assert means_type(types, event_type) is expected


def test_cursors_are_an_id_or_a_tenant_and_an_id() -> None:
    assert split_cursor(None, None) is None
    assert split_cursor("t", "a/b") == ("t", "a/b")
    assert split_cursor(None, "t/a/b") == ("t", "a/b")


def test_a_tenants_name_fits_into_a_topic_and_a_cursor() -> None:
    check_tenant("Käpylä 3PL")
    for bad in ("", "a/b", "a\0"):
        with pytest.raises(Rejected):
            check_tenant(bad)
