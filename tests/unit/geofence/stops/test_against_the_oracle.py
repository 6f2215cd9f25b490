"""Arrivals at well-separated stops are those of the plain oracle: streets, dwells and drives at random, cut into batches anyhow."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from fleet.fix import Fix
from fleet.route import Route
from tests.oracle import stops as oracle
from tests.oracle.effort import effort
from tests.unit.geofence.stops.street import At, at, batch, drive, engine, lat, lon, route, seconds, stand, stop, told

#: Stops are so far apart, and their circles so wide.
APART_M, RADIUS_M = 450.0, 60.0
#: The oracle looks at two hundred places of a way; the engine cuts to milliseconds.
INSTANTS_AGREE_WITHIN_S = 0.15


@dataclass(frozen=True)
class Day:
    plan: Route
    fixes: list[At]
    cuts: list[int]


@st.composite
def days(draw: st.DrawFn) -> Day:
    """Past three to six stops beside the street; at some of them the van stands, not always for as long as is planned."""
    count = draw(st.integers(3, 6))
    speed_mps, every_s = draw(st.sampled_from([6.0, 10.0, 14.0])), draw(st.sampled_from([2.0, 5.0, 9.0]))
    planned, fixes, now, x_m = [], list[At](), 0.0, -400.0
    for number in range(count):
        # At both ends passing counts, so that the route surely begins and ends. Of two neighbours one at most is missed: what
        # comes more than a kilometre after the last stop served is believed only with what follows it.
        dwells = draw(st.booleans()) and number % 2 == 1 and number < count - 1
        dwell_s = draw(st.sampled_from([45.0, 120.0])) if dwells else 0.0
        beside_m, stop_at_m = draw(st.integers(-40, 40)), number * APART_M
        # Where passing counts, a longer stand is said at once, and a way on that is hardly nearer does not move it.
        stands_s = draw(st.sampled_from([0.0, 30.0, 100.0, 200.0] if dwells else [0.0, 30.0]))
        stands_at_m = stop_at_m + draw(st.integers(-25, 25))
        fixes += drive(now, x_m, stands_at_m, speed_mps=speed_mps, every_s=every_s)
        now = fixes[-1].time_s + every_s
        fixes += stand(now, stands_at_m, stands_s, every_s=every_s)
        now, x_m = fixes[-1].time_s + every_s, stands_at_m + speed_mps * every_s
        planned.append(stop(f"s{number}", stop_at_m, beside_m, planned_s=now, dwell_s=dwell_s, radius_m=RADIUS_M))
    fixes += drive(now, x_m, count * APART_M, speed_mps=speed_mps, every_s=every_s)
    return Day(route("r", *planned), fixes, sorted(draw(st.lists(st.integers(1, len(fixes) - 1), max_size=12, unique=True))))


@effort(60)
@given(day=days())
def test_arrivals_are_those_of_the_oracle(day: Day) -> None:
    fixes = [Fix(time=at(fix.time_s), lat=lat(fix.y_m), lon=lon(fix.x_m), speed_mps=fix.speed_mps) for fix in day.fixes]
    expected = oracle.arrivals(fixes, day.plan.stops)
    reached = _reached(day)
    assert reached.keys() == expected.keys()
    for name, instant in expected.items():
        assert abs(reached[name] - seconds(instant)) <= INSTANTS_AGREE_WITHIN_S, name


def _reached(day: Day) -> dict[str, float]:
    """What stands in the end, of a fold that is cut into batches."""
    made, result = engine(day.plan), dict[str, float]()
    for start, end in zip([0, *day.cuts], [*day.cuts, len(day.fixes)], strict=True):
        part = day.fixes[start:end]
        for what, name, when in told(made.step(batch(part), at(part[-1].time_s)).events):
            if what in ("arrived", "arrived.revised"):
                result[name] = when
            elif what == "arrived.retracted":
                del result[name]
    return result
