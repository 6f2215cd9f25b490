"""Clocks that are off by a constant: when they are believed to be, what becomes of their fixes, and what never happens."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.clock import rfc3339_micros
from fleet.fix import FixBatch
from fleet.screening import Flag, Reason
from ingest.screen import Screen, Screened
from ingest.screening.clocks import Correction
from ingest.screening.rules import ScreenRules, ScreenSettings

S = 1_000_000
NOON = 1_771_243_200 * S  # 2026-02-16T12:00:00Z
HOUR = 3600


def message(received_s: float, *own_s: float, vehicle: int = 1) -> FixBatch:
    """One message, received so long after noon; `own_s` are the instants of its fixes as the tracker says them."""
    batch = FixBatch.allocate(len(own_s))
    batch.vehicle[:] = vehicle
    batch.time[:] = [NOON + round(own * S) for own in own_s]
    batch.received[:] = NOON + round(received_s * S)
    batch.lat[:], batch.lon[:] = 60.17, 24.94
    return batch


def live(offset_s: float, start_s: float = 0, count: int = 40, every_s: float = 30, vehicle: int = 1) -> Iterator[FixBatch]:
    """A tracker whose clock is ahead by `offset_s`, reporting at once, with 0.2 to 1.4 s of network between."""
    for number in range(count):
        at_s = start_s + number * every_s
        yield message(at_s + 0.2 + number % 5 * 0.3, at_s + offset_s, vehicle=vehicle)


def taken(screen: Screen, batches: Iterable[FixBatch]) -> list[Screened]:
    return [screen.screen(batch) for batch in batches]


def times_s(screened: Iterable[Screened]) -> list[float]:
    return [(time - NOON) / S for one in screened for time in one.fixes.time.tolist()]


def corrections(screened: Iterable[Screened]) -> list[Correction]:
    return [change.correction for one in screened for change in one.clocks]


@pytest.mark.parametrize("offset_s", [90, 200, 400, 3600, 7200, 5 * 86_400, 25 * 365 * 86_400])
def test_a_clock_that_is_ahead_is_put_right(offset_s: int) -> None:
    screen = Screen()
    screened = taken(screen, live(offset_s))
    (found,) = corrections(screened)
    assert (found.offset, found.until) == (offset_s * S, None)
    late = screened[20:]
    assert times_s(late) == pytest.approx([number * 30 for number in range(20, 40)], abs=1)
    assert all(one.flagged == {Flag.CLOCK_CORRECTED: 1} for one in late)
    assert screen.clocks.in_force == 1


def test_the_fix_keeps_what_the_tracker_said() -> None:
    screen = Screen()
    taken(screen, live(3600))
    batch = message(1300, 1300 + 3600)
    batch.extras[0] = b'{"ignition":true,"device_time":"nonsense"}'
    (fix,) = taken(screen, [batch])
    own = rfc3339_micros(NOON + 4900 * S)
    assert orjson.loads(fix.fixes.extras[0] or b"") == {"ignition": True, "device_time": own}


@pytest.mark.parametrize("offset_s", [-5 * HOUR, -3.5 * HOUR, -12 * HOUR])
def test_a_clock_on_the_time_of_a_zone_behind_is_put_right(offset_s: float) -> None:
    screened = taken(Screen(), live(offset_s, count=60))
    (found,) = corrections(screened)
    assert found.offset == offset_s * S
    assert times_s(screened[40:]) == [number * 30 for number in range(40, 60)]


@pytest.mark.parametrize("offset_s", [0, 4, 55, -40, -3600 - 300, -1000, -13 * HOUR, -400 * 86_400])
def test_what_is_no_wrong_clock_is_left_alone(offset_s: float) -> None:
    """Nearly right, or late by what is no zone: a relay that holds messages for a fixed time looks the same."""
    screen = Screen()
    screened = taken(screen, live(offset_s, count=100))
    assert corrections(screened) == []
    assert times_s(screened) == pytest.approx([number * 30 + offset_s for number in range(100)])


def test_a_tracker_that_sends_what_it_kept_is_left_alone() -> None:
    """Three hours without reception, sent in an hour: its lag passes by every half hour of delay."""
    kept = [message(3 * HOUR + number, number * 3.0) for number in range(3600)]
    assert corrections(taken(Screen(), kept)) == []


def test_an_erratic_clock_is_left_alone() -> None:
    ahead = [3600, 500, 9000, 3600, 70, 1_000_000, 3600, 200] * 20
    screened = taken(Screen(), [message(at * 30, at * 30 + off) for at, off in enumerate(ahead)])
    assert corrections(screened) == []


def test_an_instant_that_stands_still_is_no_clock() -> None:
    assert corrections(taken(Screen(), [message(number * 30, 86_400) for number in range(40)])) == []


def test_a_few_messages_or_a_short_time_prove_nothing() -> None:
    assert corrections(taken(Screen(), live(3600, count=9, every_s=600))) == []
    assert corrections(taken(Screen(), live(3600, count=290, every_s=1))) == []


def test_by_setting_no_clock_is_put_right() -> None:
    screen = Screen(ScreenRules(default=ScreenSettings(correct_clock=False)))
    screened = taken(screen, live(3600))
    assert corrections(screened) == []
    assert {refusal.reason for one in screened for refusal in one.refused} == {Reason.FUTURE}


def test_instants_that_the_server_gave_prove_nothing() -> None:
    batches = list(live(3600))
    for batch in batches:
        batch.flags[:] = Flag.TIME_OF_RECEIPT
    assert corrections(taken(Screen(), batches)) == []


def test_where_most_clocks_are_off_it_is_ours() -> None:
    """This machine's clock was set back by an hour: nobody's is corrected."""
    screen = Screen()
    fleet = [live(3600, vehicle=vehicle) for vehicle in range(1, 9)]
    screened = taken(screen, (batch for at_once in zip(*fleet, strict=True) for batch in at_once))
    assert corrections(screened) == []
    assert screen.clocks.doubts > 0


def test_one_in_a_fleet_is_put_right() -> None:
    screen = Screen()
    fleet = [live(3600 if vehicle == 3 else 0, vehicle=vehicle) for vehicle in range(1, 9)]
    screened = taken(screen, (batch for at_once in zip(*fleet, strict=True) for batch in at_once))
    assert [change.vehicle for one in screened for change in one.clocks] == [3]


# -- and right again


def test_a_clock_that_was_ahead_and_is_put_right_is_believed_again() -> None:
    screen = Screen()
    taken(screen, live(3600))
    screened = taken(screen, live(0, start_s=1300))
    (found,) = corrections(screened)
    assert found.until is not None
    assert screen.clocks.in_force == 0
    assert times_s(screened)[3:] == [1300 + number * 30 for number in range(3, 40)]


def test_a_clock_that_was_behind_and_is_put_right_is_believed_at_once() -> None:
    screen = Screen()
    taken(screen, live(-5 * HOUR, count=60))
    screened = taken(screen, live(0, start_s=1900))
    assert [found.until for found in corrections(screened)] == [NOON + (59 * 30 - 5 * HOUR) * S]
    assert times_s(screened) == [1900 + number * 30 for number in range(40)]


def test_summer_time_changes_the_correction() -> None:
    screen = Screen()
    taken(screen, live(3600))
    forward = corrections(taken(screen, live(7200, start_s=1300)))
    assert [found.offset for found in forward] == [-(-7200 * S)]
    back = corrections(taken(screen, live(3600, start_s=2600, count=80)))
    assert [found.offset for found in back] == [3600 * S]


def test_a_tracker_that_was_out_of_reach_for_as_long_as_its_clock_is_ahead_stays_corrected() -> None:
    """What it kept then comes in as if at once; but it is sent faster than it was measured."""
    screen = Screen()
    taken(screen, live(3600))
    kept = [message(9000 + number * 0.2, 1300 + number * 10 + 3600) for number in range(770)]
    screened = taken(screen, kept)
    assert corrections(screened) == []
    assert times_s(screened) == [1300 + number * 10 for number in range(770)]


def test_what_was_kept_while_the_clock_was_behind_is_put_right_when_it_comes_later() -> None:
    screen = Screen()
    taken(screen, live(-5 * HOUR, count=60))
    taken(screen, live(0, start_s=1900))
    (late,) = taken(screen, [message(5000, 1500 - 5 * HOUR + 7)])
    assert times_s([late]) == [1507]


def test_the_messages_that_proved_it_can_be_tried_again() -> None:
    """All were refused, so none can be stored twice: `outrider deadletters retry` brings them in with their first receipt."""
    screen = Screen()
    batches = list(live(3600))
    refused = [number for number, one in enumerate(taken(screen, batches)) if one.refused]
    assert len(refused) >= 9
    again = taken(screen, [list(live(3600))[number] for number in refused])
    assert times_s(again) == [number * 30 for number in refused]


# -- the same message gets the same instant


def histories() -> st.SearchStrategy[list[FixBatch]]:
    """A clock that is off by this and that, with messages that were kept."""
    part = st.tuples(
        st.sampled_from([0, 200, 3600, 7200, -12 * HOUR]), st.integers(1, 40), st.sampled_from([20.0, 45.0]), st.integers(0, 3)
    )

    def drive(parts: list[tuple[int, int, float, int]]) -> list[FixBatch]:
        now_s, batches = 0.0, []
        for offset_s, count, every_s, kept in parts:
            for _ in range(count):
                now_s += every_s
                own = [now_s + offset_s - every_s * back / (kept + 1) for back in range(kept + 1)]
                batches.append(message(now_s + 0.4, *own))
        return batches

    return st.lists(part, min_size=1, max_size=6).map(drive)


def copy(batch: FixBatch, received: int) -> FixBatch:
    again = batch.take(np.arange(len(batch)))
    again.received[:] = received
    return again


@given(histories(), st.integers(1, 30), st.sampled_from([0, 30, 200, 3600, 7200]))
def test_a_message_that_comes_again_gets_the_same_instants(history: list[FixBatch], back: int, delay_s: int) -> None:
    """At whatever later receipt (within what a clock is behind): what is stored under (vehicle, time) is not stored a second
    time under another time."""
    screen = Screen()
    originals = [batch.take(np.arange(len(batch))) for batch in history]
    stored: dict[int, set[int]] = {}
    for batch in history:
        own = batch.time.tolist()
        screened = screen.screen(batch)
        refused = {refusal.message for refusal in screened.refused}
        for before, after in zip(own, batch.time.tolist(), strict=True):
            if not refused:
                stored.setdefault(before, set()).add(after)
    for batch in originals[-back:]:
        again = copy(batch, int(history[-1].received[0]) + delay_s * S)
        own = again.time.tolist()
        screen.screen(again)
        for before, after in zip(own, again.time.tolist(), strict=True):
            assert before not in stored or after in stored[before]


def test_a_restarted_worker_gives_the_same_instants() -> None:
    """It knows the correction, and what was corrected, from the store."""
    first, second = Screen(), Screen()
    screened = taken(first, live(3600))
    taken(first, live(0, start_s=1300))
    correction = first.clocks.known(1)
    assert correction is not None
    corrected = {time + 3600 * S: 3600 * S for one in screened[20:] for time in one.fixes.time.tolist()}
    second.clocks.adopt(1, correction, corrected)
    again = [copy(batch, NOON + 6000 * S) for batch in list(live(3600))[20:]]
    assert times_s(taken(second, again)) == [number * 30 for number in range(20, 40)]
