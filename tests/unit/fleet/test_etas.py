"""Predictions in bulk read as records."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from fleet.clock import MICROS_PER_S, to_micros
from fleet.etas import EtaBlock, EtaColumns, Etas
from fleet.outcome import Outcome
from fleet.route import Eta, Route, Stop

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def route(count: int = 3) -> Route:
    stops = tuple(Stop(id=f"s{index}", seq=index, lat=52.0, lon=13.0) for index in range(count))
    return Route(id="r", tenant="acme", vehicle="van", starts_at=NOON, stops=stops)


def block(first: int = 1, count: int = 2) -> EtaBlock:
    median = to_micros(NOON) + np.arange(1, count + 1) * 60 * MICROS_PER_S
    spread = 10 * MICROS_PER_S
    return EtaBlock(
        route=route(),
        at=to_micros(NOON),
        stops=np.arange(first, first + count),
        p10=median - spread,
        p50=median,
        p90=median + spread,
        shown=median - spread // 2,
    )


def eta(stop: str, minutes: float) -> Eta:
    median, spread = NOON + timedelta(minutes=minutes), timedelta(seconds=10)
    return Eta(
        at=NOON,
        tenant="acme",
        vehicle="van",
        route="r",
        stop=stop,
        p10=median - spread,
        p50=median,
        p90=median + spread,
        shown=median - spread / 2,
    )


def test_a_block_is_read_as_the_predictions_of_its_stops() -> None:
    etas = Etas()
    etas.add(block())
    assert list(etas) == [eta("s1", 1), eta("s2", 2)]
    assert (len(etas), etas[-1], etas[:1]) == (2, eta("s2", 2), [eta("s1", 1)])


def test_columns_and_records_keep_the_order_in_which_they_came() -> None:
    one, other = Outcome(), Outcome(etas=Etas([eta("s0", 9)]))
    one.etas.add(block())
    one.extend(other)
    one.etas.append(eta("s0", 8))
    assert one.etas == [eta("s1", 1), eta("s2", 2), eta("s0", 9), eta("s0", 8)]
    assert not one.is_empty
    assert len(other.etas) == 1


def test_what_is_read_once_may_still_grow() -> None:
    etas = Etas()
    assert not etas
    assert list(etas) == []
    etas.add(block())
    assert len(list(etas)) == 2


def test_columns_of_another_length_are_noticed() -> None:
    odd = block()
    shorter = EtaBlock(route=odd.route, at=odd.at, stops=odd.stops[:1], p10=odd.p10, p50=odd.p50, p90=odd.p90, shown=odd.shown)
    with pytest.raises(ValueError, match="zip"):
        list(Etas(shorter))


def test_columns_of_several_routes_are_read_as_their_blocks_one_after_the_other() -> None:
    one, other = block(), block(0, 1)
    columns = EtaColumns(
        routes=[one.route, route(), other.route],
        at=np.array([one.at, one.at, other.at]),
        starts=np.array([0, 2, 2, 3]),
        stops=np.concatenate([one.stops, other.stops]),
        p10=np.concatenate([one.p10, other.p10]),
        p50=np.concatenate([one.p50, other.p50]),
        p90=np.concatenate([one.p90, other.p90]),
        shown=np.concatenate([one.shown, other.shown]),
    )
    etas = Etas([eta("s2", 5)])
    etas.add(columns)
    assert len(etas) == 4
    assert [len(part) for part in etas.blocks] == [1, 2, 1]
    assert list(etas) == [eta("s2", 5), *one, *other]
