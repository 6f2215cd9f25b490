"""Waits grow, stay bounded, are spread, and start over after a good connection."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqttwire.backoff import Backoff, BackoffLimits
from mqttwire.errors import InvalidMqttOption

LIMITS = BackoffLimits(first_s=1, longest_s=30, taken_over_s=15, healthy_after_s=10)


def test_the_bound_doubles_up_to_the_longest() -> None:
    backoff = Backoff(LIMITS, lambda: 1.0)
    assert [backoff.next_wait_s() for _ in range(7)] == [1, 2, 4, 8, 16, 30, 30]


@given(st.floats(0, 1), st.integers(0, 3000))
def test_every_wait_is_between_nothing_and_the_longest(unit: float, failures: int) -> None:
    backoff = Backoff(LIMITS, lambda: unit)
    backoff.failures = failures
    assert 0 <= backoff.next_wait_s() <= 30


def test_a_connection_that_lasted_starts_over_and_a_short_one_does_not() -> None:
    backoff = Backoff(LIMITS, lambda: 1.0)
    backoff.next_wait_s()
    backoff.next_wait_s()
    backoff.succeeded(9.9)
    assert backoff.next_wait_s() == 4
    backoff.succeeded(10)
    assert backoff.next_wait_s() == 1


def test_who_was_thrown_out_waits_long_even_with_luck() -> None:
    assert Backoff(LIMITS, lambda: 0.0).next_wait_s(taken_over=True) == 15
    assert Backoff(LIMITS, lambda: 1.0).next_wait_s(taken_over=True) == 31


@pytest.mark.parametrize("wrong", [{"first_s": 0.0}, {"first_s": 31.0, "longest_s": 30.0}, {"taken_over_s": -1.0}])
def test_bounds_that_make_no_sense_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InvalidMqttOption):
        BackoffLimits(**wrong)
