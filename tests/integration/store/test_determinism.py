"""Whatever the cut, the order, the duplication and the restarts: the same rows, each once."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from store.protocol import Store
from tests.integration.store.builders import NOON, Builder, as_rows, fixes
from tests.integration.store.conftest import Stores

#: Years of the recordings that are replayed, and today.
_DAYS = [datetime(2010, 1, 31, tzinfo=NOON.tzinfo), datetime(2018, 12, 31, tzinfo=NOON.tzinfo), NOON]
_EXAMPLES = itertools.count()


@dataclass(frozen=True)
class _Sent:
    """One fix as it is sent: some of these are equal, all of equal ones hold the same."""

    vehicle: int
    day: int
    second: int
    says_speed: bool
    has_extras: bool


_SENT = st.builds(
    _Sent,
    vehicle=st.integers(0, 2),
    day=st.integers(0, 2),
    second=st.integers(0, 15),
    says_speed=st.booleans(),
    has_extras=st.booleans(),
)


@dataclass
class _Case:
    sent: list[_Sent]
    cuts: list[int]
    repeats: list[int]
    restarts: list[int]


@st.composite
def _cases(draw: st.DrawFn) -> _Case:
    sent = draw(st.lists(_SENT, min_size=1, max_size=60))
    places = st.lists(st.integers(0, len(sent)), max_size=6)
    return _Case(
        sent, sorted(draw(places)), draw(st.lists(st.integers(0, 6), max_size=4)), draw(st.lists(st.integers(0, 6), max_size=2))
    )


def _batches(case: _Case) -> list[list[_Sent]]:
    """The fixes cut into batches, some of which come again at the end."""
    bounds = [0, *case.cuts, len(case.sent)]
    batches = [case.sent[start:end] for start, end in itertools.pairwise(bounds)]
    return batches + [batches[n] for n in case.repeats if n < len(batches)]


def _first_of_each(case: _Case) -> dict[tuple[int, int, int], _Sent]:
    """What is expected to be kept."""
    kept: dict[tuple[int, int, int], _Sent] = {}
    for fix in case.sent:
        kept.setdefault((fix.vehicle, fix.day, fix.second), fix)
    return kept


def _batch(keys: list[int], sent: list[_Sent]):  # type: ignore[no-untyped-def]
    return fixes(
        [(keys[fix.vehicle], _DAYS[fix.day] + timedelta(seconds=fix.second)) for fix in sent],
        lat=[fix.second / 100 for fix in sent],
        speed_mps=[fix.second if fix.says_speed else float("nan") for fix in sent],
        extras=[b'{"n": %d}' % fix.second if fix.has_extras else None for fix in sent],
    )


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(case=_cases())
async def test_the_rows_are_those_of_the_fixes_whatever_the_batches(stores: Stores, case: _Case) -> None:
    store: Store = await stores.open()
    example = next(_EXAMPLES)
    keys = await Builder(store).keys(*(f"example-{example}-van-{n}" for n in range(3)))
    stored = 0
    for number, batch in enumerate(_batches(case)):
        if number in case.restarts:
            store = await stores.open()
        committed = await Builder(store).commit(_batch(keys, batch), checkpoint={} if number % 3 == 2 else None)
        stored += committed.stored
        assert committed.stored + committed.duplicates == len(batch)
        assert int(committed.new_rows.sum()) == committed.stored
    expected = as_rows(_batch(keys, list(_first_of_each(case).values())))
    found = [row for key in keys for row in as_rows(await store.fixes_of(key, _DAYS[0], NOON + timedelta(days=1)))]
    assert found == expected
    assert stored == len(expected)
    newest = {row[0]: row[1] for row in expected}
    places = {place.vehicle: place.time for place in await store.positions(None)}
    assert [places.get(f"example-{example}-van-{n}") for n in range(3)] == [newest.get(key) for key in keys]
