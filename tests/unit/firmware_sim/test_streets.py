"""The plain base layer shows every street once."""

from __future__ import annotations

from itertools import pairwise

from firmware_sim.streets import streets
from firmware_sim.town import built_in_town


def test_every_street_is_drawn_once_and_nothing_else() -> None:
    graph = built_in_town()
    place = {
        (round(float(lon), 6), round(float(lat), 6)): node for node, (lon, lat) in enumerate(zip(graph.lon, graph.lat, strict=True))
    }
    drawn: list[frozenset[int]] = []
    for feature in streets(graph)["features"]:
        nodes = [place[tuple(position)] for position in feature["geometry"]["coordinates"]]
        drawn += [frozenset(pair) for pair in pairwise(nodes)]
    there = {frozenset(pair) for pair in zip(graph.origin.tolist(), graph.target.tolist(), strict=True)}
    assert set(drawn) == there
    assert len(drawn) == len(there)


def test_a_line_has_one_look() -> None:
    collection = streets(built_in_town())
    assert collection["type"] == "FeatureCollection"
    assert {feature["properties"]["tunnel"] for feature in collection["features"]} == {False, True}
    assert all(5 < feature["properties"]["speed_mps"] < 20 for feature in collection["features"])
