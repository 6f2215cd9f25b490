"""What becomes of an alert after an attempt, by answer, attempt and time alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.decide import DELAYS_S, LONGEST_WAIT_S, Answer, Delivered, Disable, Retry, decide, retry_after_s

NOON = datetime(2026, 2, 16, 12, tzinfo=UTC)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
@pytest.mark.parametrize("attempt", [0, 9, 50])
def test_any_2xx_is_a_delivery(status: int, attempt: int) -> None:
    assert decide(Answer(status=status), attempt, NOON, 0.5) == Delivered()


def test_410_disables_at_once() -> None:
    assert decide(Answer(status=410), 0, NOON, 0.0) == Disable(why="the endpoint answered 410: it wants no more")


@pytest.mark.parametrize(
    "answer", [Answer(status=302), Answer(status=404), Answer(status=500), Answer(error="no answer within 20 s")]
)
def test_all_else_is_tried_again_by_the_schedule(answer: Answer) -> None:
    waits = []
    for attempt in range(9):
        decision = decide(answer, attempt, NOON, 0.0)
        assert isinstance(decision, Retry)
        waits.append(decision.at - NOON)
    hours = [timedelta(hours=number) for number in (2, 5, 10, 14, 20, 24)]
    assert waits == [timedelta(seconds=5), timedelta(minutes=5), timedelta(minutes=30), *hours]
    assert isinstance(decide(answer, 9, NOON, 0.0), Disable)


def test_the_reason_is_kept_for_the_person_who_looks() -> None:
    retry = decide(Answer(error="no answer within 20 s"), 0, NOON, 0.0)
    assert isinstance(retry, Retry)
    assert retry.why == "no answer within 20 s"
    assert decide(Answer(status=503), 9, NOON, 0.0) == Disable(why="10 attempts failed, the last one: answered 503")


AFTER = st.none() | st.integers(0, 10**9).map(str) | st.text(max_size=40)


@given(attempt=st.integers(0, 8), jitter=st.floats(0, 1, exclude_max=True), after=AFTER)
def test_a_retry_is_never_early_and_never_for_ever(attempt: int, jitter: float, after: str | None) -> None:
    decision = decide(Answer(status=503, retry_after=after), attempt, NOON, jitter)
    assert isinstance(decision, Retry)
    wait_s = (decision.at - NOON).total_seconds()
    assert DELAYS_S[attempt + 1] <= wait_s + 1e-3
    assert wait_s <= 1.2 * LONGEST_WAIT_S + 1e-3


def test_retry_after_is_honoured_where_it_is_later() -> None:
    asked = decide(Answer(status=429, retry_after="600"), 0, NOON, 0.0)
    assert isinstance(asked, Retry)
    assert asked.at == NOON + timedelta(seconds=600)
    sooner = decide(Answer(status=429, retry_after="1"), 1, NOON, 0.0)
    assert isinstance(sooner, Retry)
    assert sooner.at == NOON + timedelta(minutes=5)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("120", 120.0),
        ("Mon, 16 Feb 2026 12:10:00 GMT", 600.0),
        ("Mon, 16 Feb 2026 11:00:00 GMT", 0.0),
        ("soon", None),
        ("-5", None),
        ("", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str | None, seconds: float | None) -> None:
    assert retry_after_s(value, NOON) == seconds
