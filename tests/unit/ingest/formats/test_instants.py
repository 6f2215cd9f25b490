"""Bulk reading of instants agrees with Python's own, and never raises."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.clock import to_micros
from ingest.formats.instants import NO_TIME, micros_of, micros_of_one, micros_of_seconds

instants = st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001
SHAPES = ["milliseconds", "seconds", "microseconds"]


@pytest.mark.parametrize("shape", SHAPES)
@given(many=st.lists(instants, min_size=1, max_size=20))
def test_texts_of_one_shape(shape: str, many: list[datetime]) -> None:
    texts = [instant.replace(tzinfo=None).isoformat(timespec=shape) + "Z" for instant in many]
    unit = {"milliseconds": 1000, "seconds": 1_000_000, "microseconds": 1}[shape]
    assert micros_of(texts).tolist() == [to_micros(instant) // unit * unit for instant in many]


@given(st.lists(st.tuples(instants, st.integers(-14 * 60, 14 * 60), st.sampled_from(SHAPES)), max_size=20))
def test_texts_of_many_shapes_and_offsets(many: list[tuple[datetime, int, str]]) -> None:
    texts, expected = [], []
    for instant, offset_min, shape in many:
        local = instant.astimezone(timezone(timedelta(minutes=offset_min)))
        text = local.isoformat(timespec=shape)
        texts.append(text)
        expected.append(to_micros(datetime.fromisoformat(text)))
    assert micros_of(texts).tolist() == expected


@given(st.lists(st.text("0123456789-:.TZ+ t٣é", max_size=30), max_size=8))
def test_any_texts(texts: list[str]) -> None:
    assert micros_of(texts).tolist() == [micros_of_one(text) for text in texts]


@given(st.lists(st.integers(), max_size=8))
def test_any_integers(milliseconds: list[int]) -> None:
    assert micros_of(milliseconds).tolist() == [micros_of_one(one) for one in milliseconds]


@pytest.mark.parametrize(
    "text", ["2026-02-29T00:00:00Z", "2026-00-10T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z", "2026-01-01T00:00:60Z",
             "0000-01-01T00:00:00Z", "2026-02-16T15:58:03.١Z", "", "Z", "2026-02-16"],
)  # fmt: skip
def test_no_instant_among_good_ones(text: str) -> None:
    good = "2024-02-29T23:59:59Z"
    assert micros_of([good, text, good]).tolist() == [1709251199000000, NO_TIME, 1709251199000000]


@pytest.mark.parametrize("seconds", [None, True, "1", [], float("nan"), float("inf"), 1e300, 10**40])
def test_seconds_that_are_none(seconds: object) -> None:
    assert micros_of_seconds(seconds) == NO_TIME


def test_seconds_with_a_fraction_are_rounded_to_microseconds() -> None:
    assert micros_of_seconds(1506956075.1234567) == 1506956075123457
