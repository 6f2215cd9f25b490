"""Road graphs from OpenStreetMap extracts (`.osm.pbf`, `.osm`, `.osm.gz`), read with pyosmium.

Which ways a van may use, and default speeds where `maxspeed` is missing, follow the OSM wiki's page "Key:highway"; speeds are
those of a delivery van in town, not legal limits of one country.
"""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any, Final

import numpy as np
import osmium

from firmware_sim.road_graph import NoRoad, RoadGraph

_KMH: Final = 1 / 3.6
#: km/h by `highway` value; what is not here is not for vans.
_DEFAULT_KMH: Final = {
    "motorway": 100,
    "motorway_link": 60,
    "trunk": 80,
    "trunk_link": 50,
    "primary": 55,
    "primary_link": 45,
    "secondary": 50,
    "secondary_link": 40,
    "tertiary": 45,
    "tertiary_link": 35,
    "unclassified": 40,
    "residential": 30,
    "living_street": 15,
    "service": 15,
}
_MPH: Final = 1.609344


def load_osm(path: Path) -> RoadGraph:
    """The largest connected part of the drivable roads in an extract.

    Raises NoRoad with the file's name where it cannot be read or holds no drivable road.
    """
    reader = _Roads()
    try:
        reader.apply_file(str(path), locations=True)
    except (RuntimeError, OSError) as problem:
        raise NoRoad(f"{path}: {problem}") from problem
    if not reader.pieces:
        raise NoRoad(f"{path} holds no roads that a van may drive on")
    return reader.graph(path.name).largest_connected_part()


class _Roads(osmium.SimpleHandler):
    def __init__(self) -> None:
        super().__init__()
        self.index: dict[int, int] = {}
        self.places: list[tuple[float, float]] = []
        self.pieces: list[tuple[int, int, float, bool]] = []

    def way(self, way: Any) -> None:
        tags = way.tags
        kmh = _DEFAULT_KMH.get(tags.get("highway", ""))
        if kmh is None or tags.get("access") in {"no", "private"} or tags.get("area") == "yes":
            return
        speed_mps = _speed_kmh(tags.get("maxspeed"), kmh) * _KMH
        is_tunnel = tags.get("tunnel", "no") not in {"no", ""}
        nodes = [self._number(node) for node in way.nodes if node.location.valid()]
        forward, backward = _directions(tags.get("oneway", ""), tags.get("junction", ""), tags.get("highway", ""))
        for start, end in itertools.pairwise(nodes):
            if start == end:
                continue
            if forward:
                self.pieces.append((start, end, speed_mps, is_tunnel))
            if backward:
                self.pieces.append((end, start, speed_mps, is_tunnel))

    def _number(self, node: Any) -> int:
        number = self.index.setdefault(node.ref, len(self.places))
        if number == len(self.places):
            self.places.append((node.location.lat, node.location.lon))
        return number

    def graph(self, name: str) -> RoadGraph:
        places = np.array(self.places, np.float64)
        origin, target, speed_mps, is_tunnel = zip(*self.pieces, strict=True)
        return RoadGraph(
            name=name,
            lat=places[:, 0],
            lon=places[:, 1],
            origin=np.array(origin, np.int32),
            target=np.array(target, np.int32),
            speed_mps=np.array(speed_mps, np.float64),
            is_tunnel=np.array(is_tunnel, np.bool_),
        )


def _directions(oneway: str, junction: str, highway: str) -> tuple[bool, bool]:
    """Whether a way may be driven along and against its order of nodes (OSM wiki, "Key:oneway")."""
    if oneway in {"-1", "reverse"}:
        return False, True
    implied = junction in {"roundabout", "circular"} or highway in {"motorway", "motorway_link"}
    if oneway in {"yes", "true", "1"} or (implied and oneway not in {"no", "false", "0"}):
        return True, False
    return True, True


def _speed_kmh(maxspeed: str | None, default_kmh: float) -> float:
    """The tagged limit where it is a number (km/h, or "N mph"), capped by what the class of road allows a van."""
    if not maxspeed:
        return default_kmh
    number, _, unit = maxspeed.partition(" ")
    try:
        limit = float(number) * (_MPH if unit.strip() == "mph" else 1.0)
    except ValueError:
        return default_kmh
    return min(max(limit, 5.0), 110.0)
