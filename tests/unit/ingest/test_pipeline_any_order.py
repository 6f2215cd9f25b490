"""Whatever the order, duplication, cuts and deaths: what stands in the end is what the sorted fixes say, on every store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fleet.fence import Fence
from fleet.fix import Fix, FixBatch
from store.memory import MemoryStore
from store.migrate import migrate_database
from store.open import open_store
from store.protocol import Store
from tests.oracle.drives import batch_of, drives, fences_along
from tests.oracle.running import Death, Round, Standing, outcome_of, run

VANS = ("van-1", "van-2")


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """Fences and drives; the rows of all drives in the order of coming in, where batches are cut and what happens there."""

    fences: Sequence[Fence]
    drives: Sequence[Sequence[Fix]]
    order: Sequence[int]
    cuts: Sequence[int]
    fates: Sequence[tuple[Death, bool, bool]]

    def whole(self, keys: dict[str, int]) -> FixBatch:
        """All fixes, each vehicle's in order of time."""
        return FixBatch.concatenate([batch_of(fixes, keys[van]) for van, fixes in zip(VANS, self.drives, strict=True)])

    def sorted_rounds(self, keys: dict[str, int]) -> list[Round]:
        return [Round(batch=self.whole(keys))]

    def shuffled_rounds(self, keys: dict[str, int]) -> list[Round]:
        whole, order = self.whole(keys), np.array(self.order, np.int64)
        edges = [0, *self.cuts, len(order)]
        return [
            Round(batch=whole.take(order[start:end]), dies=dies, saves=saves, ticks=ticks)
            for start, end, (dies, saves, ticks) in zip(edges[:-1], edges[1:], self.fates, strict=True)
        ]


@st.composite
def scenarios(draw: st.DrawFn) -> Scenario:
    both = [draw(drives().filter(bool)) for _ in VANS]
    count = sum(map(len, both))
    order = draw(disorders(count))
    cuts = sorted(draw(st.lists(st.integers(0, len(order)), max_size=12)))
    fate = st.tuples(st.sampled_from([Death.NEVER, Death.NEVER, *Death]), st.booleans(), st.booleans())
    fates = [draw(fate) for _ in range(len(cuts) + 1)]
    return Scenario(
        fences=draw(fences_along([fix for fixes in both for fix in fixes])), drives=both, order=order, cuts=cuts, fates=fates
    )


@st.composite
def disorders(draw: st.DrawFn, count: int) -> list[int]:
    """All rows, in some disorder: blocks that come late, rows that come twice, or anything at all."""
    rows = list(range(count))
    kind = draw(st.sampled_from(["blocks", "twice", "anyhow"]))
    if kind == "anyhow":
        return draw(st.permutations(rows))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, count - 1))
        end = min(count, start + draw(st.integers(1, 40)))
        block = rows[start:end]
        if kind == "blocks":
            del rows[start:end]
        at = draw(st.integers(0, len(rows)))
        rows[at:at] = block
    return rows


def until(scenario: Scenario) -> Any:
    return max(fixes[-1].time for fixes in scenario.drives) + timedelta(hours=1)


async def on(store: Store, scenario: Scenario, *, is_sorted: bool) -> Standing:
    rounds_of = scenario.sorted_rounds if is_sorted else scenario.shuffled_rounds
    return await outcome_of(store, scenario.fences, rounds_of, VANS, until(scenario))


@settings(max_examples=80, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(scenario=scenarios())
def test_any_order_ends_as_the_sorted_one_in_memory(scenario: Scenario) -> None:
    expected = run(on(MemoryStore(), scenario, is_sorted=True))
    assert run(on(MemoryStore(), scenario, is_sorted=False)) == expected


@pytest.mark.timescale
@pytest.mark.slow
def test_any_order_ends_as_the_sorted_one_on_timescale(timescale_databases: Any) -> None:
    template = timescale_databases.template("store", migrate_database)

    async def in_a_database(scenario: Scenario) -> Standing:
        with timescale_databases.fresh(template=template) as url:
            store = await open_store(url, pool_size=4)
            try:
                return await on(store, scenario, is_sorted=False)
            finally:
                await store.close()

    @settings(max_examples=10, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow], database=None)
    @given(scenario=scenarios())
    def check(scenario: Scenario) -> None:
        expected = run(on(MemoryStore(), scenario, is_sorted=True))
        assert run(in_a_database(scenario)) == expected

    check()
