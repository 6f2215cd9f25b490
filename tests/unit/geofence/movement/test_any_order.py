"""Whatever the order, doubling, cuts and deaths: what stands of movement in the end is what the sorted fixes say."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fleet.fix import Fix
from geofence.movement.settings import MovementSettings
from ingest.pipeline import PipelineSettings
from ingest.pipeline_engines import EngineSettings
from store.memory import MemoryStore
from tests.oracle.calendars import Weekly
from tests.oracle.drives import jumping
from tests.oracle.movement import findings
from tests.oracle.running import Death, Round, SmallWorker, Standing, run, settle, standing_in
from tests.unit.geofence.movement.outings import columns_of, hours, marked, outings, rules, with_hours

Fate = tuple[Death, bool, bool]


async def standing_after(rounds: Sequence[tuple[Sequence[int], Fate]], fixes: Sequence[Fix], rule: MovementSettings) -> Standing:
    """Send these rows of the drive, round by round, through a worker on an empty store."""
    store = MemoryStore()
    key = (await settle(store, [], ["van-1"]))["van-1"]
    worker = SmallWorker(store, PipelineSettings(engines=EngineSettings(movement=rule), anchor_interval_s=300.0))
    await worker.start()
    batch = columns_of(fixes, key)
    await worker.run(
        [
            Round(batch=batch.take(np.array(rows, np.int64)), dies=dies, saves=saves, ticks=ticks)
            for rows, (dies, saves, ticks) in rounds
        ]
    )
    await worker.finish(max(fix.time for fix in fixes) + timedelta(hours=1))
    return await standing_in(store)


@st.composite
def disorders(draw: st.DrawFn, count: int) -> list[tuple[list[int], Fate]]:
    """All rows in rounds: some come late, some twice, or anyhow."""
    rows = list(range(count))
    if draw(st.booleans()):
        rows = draw(st.permutations(rows))
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, count - 1))
        block = rows[start : start + draw(st.integers(1, 30))]
        if draw(st.booleans()):
            del rows[start : start + len(block)]
        at = draw(st.integers(0, len(rows)))
        rows[at:at] = block
    edges = sorted(draw(st.lists(st.integers(0, len(rows)), max_size=8)))
    fates = st.tuples(st.sampled_from([Death.NEVER, Death.NEVER, *Death]), st.booleans(), st.booleans())
    return [(rows[start:end], draw(fates)) for start, end in zip([0, *edges], [*edges, len(rows)], strict=True)]


@settings(
    max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(fixes=outings(jumping()), rule=rules(), allowed=hours(), data=st.data())
def test_any_order_ends_as_the_sorted_one(
    fixes: list[Fix], rule: MovementSettings, allowed: Weekly | None, data: st.DataObject
) -> None:
    held = with_hours(rule, allowed)
    whole: tuple[list[int], Fate] = (list(range(len(fixes))), (Death.NEVER, False, False))
    expected = run(standing_after([whole], fixes, held))
    assert run(standing_after(data.draw(disorders(len(fixes))), fixes, held)) == expected
    moved = {(found.kind, found.at) for found in findings(marked(fixes), rule, allowed) if found.kind != "vehicle.online"}
    assert moved <= {(kind, at) for _, kind, at, _ in expected.sayings}
