"""Forecasts kept until they come true, packed in a vehicle's record."""

from __future__ import annotations

import numpy as np

from fleet.samples import MOST, REST, SAMPLE, Samples


def sample(stop: int, at: int, *, of_rest: bool = False) -> bytes:
    return np.array([(stop, at, 60.0, False, of_rest)], SAMPLE).tobytes()


def rest(leg_s: float) -> bytes:
    return np.array([(leg_s, [1.0, 0.5, 0.5, 0.0, 0.0])], REST).tobytes()


def test_what_is_taken_is_of_one_stop_and_kept_no_longer() -> None:
    kept = Samples()
    kept.add(sample(1, 10, of_rest=True) + sample(2, 10), rest(100.0))
    kept.add(sample(1, 20, of_rest=True), rest(110.0))
    samples, rests = kept.take(1)
    assert (samples["at"].tolist(), rests["leg_s"].tolist()) == ([10, 20], [100.0, 110.0])
    assert (len(kept), kept.rests) == (1, b"")
    assert len(kept.take(1)[0]) == 0


def test_the_oldest_go_first_and_their_rests_with_them() -> None:
    kept = Samples()
    for number in range(MOST + 3):
        kept.add(sample(number, number, of_rest=number % 2 == 0), rest(number) if number % 2 == 0 else b"")
    assert len(kept) == MOST
    assert len(kept.take(2)[0]) == 0
    samples, rests = kept.take(4)
    assert (samples["at"].tolist(), rests["leg_s"].tolist()) == ([4], [4.0])


def test_samples_follow_their_stops_to_another_plan() -> None:
    kept = Samples()
    kept.add(sample(1, 10, of_rest=True) + sample(2, 10) + sample(3, 10), rest(100.0))
    moved = kept.moved({1: 4, 3: 0})
    assert (len(moved.take(2)[0]), len(moved.take(0)[0])) == (0, 1)
    samples, rests = moved.take(4)
    assert (len(samples), rests["leg_s"].tolist()) == (1, [100.0])
