"""A commit's findings as statements: (name in `commit.sql`, parameters). Every list becomes one array a column.

Of several states of the same thing in one commit the last one counts; PostgreSQL would refuse to update a row twice in one
statement.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias

import numpy as np

from fleet.clock import from_micros, to_micros
from fleet.event import Event
from fleet.fix import NO_VEHICLE, Int64s
from fleet.message import DeadLetter
from fleet.outcome import Outcome, RouteState
from fleet.route import Eta, StopState
from fleet.tracker_clock import TrackerClock
from fleet.visit import Visit
from store.postgres.arrays import Blobs, Instants, Int4s, Int8s, Texts
from store.postgres.tenants import Tenants
from store.records import Commit
from store.storable import dump_json

Statement: TypeAlias = tuple[str, Mapping[str, Any]]


def eta_times(outcome: Outcome) -> Int64s:
    return np.array([to_micros(eta.at) for eta in outcome.etas], np.int64)


def vehicles_of(commit: Commit) -> Int64s:
    """Keys of the vehicles whose engine states the commit carries."""
    keys = np.array([*(commit.checkpoint_vehicles or ()), *(anchor.key for anchor in commit.anchors)], np.int64)
    return np.asarray(keys[keys != NO_VEHICLE])


def note_batch(batch: int, times: Int64s) -> Statement:
    min_time, max_time = from_micros(int(times.min())), from_micros(int(times.max()))
    return "note_batch", {"batch": batch, "fixes": len(times), "min_time": min_time, "max_time": max_time}


def of_outcome(outcome: Outcome, tenants: Tenants) -> Iterator[Statement]:
    """Visits, routes, stops and ETAs; events are sent last, by themselves."""
    if visits := _last_of_each(outcome.visits, lambda visit: (visit.tenant, visit.id)):
        yield "put_visits", _visit_params(visits, tenants)
    if routes := _last_of_each(outcome.routes, lambda state: (state.tenant, state.route)):
        yield "put_route_states", _route_params(routes, tenants)
    if stops := _last_of_each(outcome.stops, lambda state: (state.tenant, state.stop)):
        yield "put_stop_states", _stop_params(stops, tenants)
    if outcome.etas:
        yield "add_etas", _eta_params(outcome.etas, tenants)
        newest = sorted(outcome.etas, key=lambda eta: eta.at)
        yield "put_newest_etas", _eta_params(_last_of_each(newest, lambda eta: (eta.tenant, eta.stop)), tenants)


def drop_retried(numbers: Sequence[int]) -> Statement:
    return "drop_retried", {"numbers": _int8s(numbers)}


def of_letters(letters: Sequence[DeadLetter]) -> Iterator[Statement]:
    """The digest is what makes two of them the same: all but when it came and whose it is (the topic says that)."""
    unique = {_digest(letter): letter for letter in reversed(letters)}
    if not unique:
        return
    kept = list(unique.values())[::-1]
    yield (
        "put_dead_letters",
        {
            "digests": Blobs(list(unique)[::-1]),
            "received_at": _instants(letter.received_at for letter in kept),
            "tenants": Texts([letter.tenant for letter in kept]),
            "trackers": Texts([letter.tracker for letter in kept]),
            "topics": Texts([letter.topic for letter in kept]),
            "reasons": Texts([str(letter.reason) for letter in kept]),
            "details": Texts([letter.detail for letter in kept]),
            "payloads": Blobs([letter.payload for letter in kept]),
            "payload_bytes": _int8s(letter.payload_bytes for letter in kept),
        },
    )


def of_clocks(clocks: Sequence[TrackerClock]) -> Iterator[Statement]:
    kept = _last_of_each(clocks, lambda clock: (clock.tenant, clock.tracker))
    if kept:
        yield (
            "put_clocks",
            {
                "tenants": Texts([clock.tenant for clock in kept]),
                "trackers": Texts([clock.tracker for clock in kept]),
                "offsets_s": _int8s(clock.offset_s for clock in kept),
                "since": [clock.since for clock in kept],
                "until": [clock.until for clock in kept],
                "found_at": [clock.found_at for clock in kept],
            },
        )


def of_anchors(commit: Commit, tenants: Tenants) -> Iterator[Statement]:
    if commit.stale_anchors:
        times = _instants(commit.stale_anchors.values())
        yield "drop_stale_anchors", {"keys": _int8s(commit.stale_anchors), "times": times}
    anchors = _last_of_each(commit.anchors, lambda anchor: (anchor.key, anchor.time))
    if anchors:
        keys = _int8s(anchor.key for anchor in anchors)
        yield (
            "put_anchors",
            {
                "keys": keys,
                "times": _instants(anchor.time for anchor in anchors),
                "tenants": Int4s(tenants.known_of_vehicles(keys.values)),
                "states": Blobs([anchor.state for anchor in anchors]),
            },
        )


def vehicles(keys: Int64s, states: Mapping[int, bytes], batch: int, tenants: Tenants, positions: Mapping[str, Any]) -> Statement:
    """What a checkpoint writes of these vehicles."""
    return "put_vehicles", {
        "keys": Int8s(keys),
        "tenants": Int4s(tenants.known_of_vehicles(keys)),
        "states": Blobs([states.get(key) for key in keys.tolist()]),
        "batch": batch,
        **positions,
    }


def event_params(events: Sequence[Event], tenants: Tenants) -> Mapping[str, Any]:
    return {
        "ids": Texts([event.id for event in events]),
        "tenants": _owners(events, tenants),
        "types": Texts([event.type for event in events]),
        "vehicles": Texts([event.vehicle for event in events]),
        "occurred_at": _instants(event.occurred_at for event in events),
        "recorded_at": _instants(event.recorded_at for event in events),
        "data": Texts([_json(event.data) for event in events]),
    }


def _visit_params(visits: Sequence[Visit], tenants: Tenants) -> Mapping[str, Any]:
    return {
        "tenants": _owners(visits, tenants),
        "ids": Texts([visit.id for visit in visits]),
        "vehicles": Texts([visit.vehicle for visit in visits]),
        "fences": Texts([visit.fence for visit in visits]),
        "entered_at": [visit.entered_at for visit in visits],
        "exited_at": [visit.exited_at for visit in visits],
        "confirmed_at": [visit.confirmed_at for visit in visits],
        "retracted": [visit.retracted for visit in visits],
        "evidence": Texts([_json(visit.evidence) for visit in visits]),
    }


def _route_params(states: Sequence[RouteState], tenants: Tenants) -> Mapping[str, Any]:
    return {
        "tenants": _owners(states, tenants),
        "routes": Texts([state.route for state in states]),
        "statuses": Texts([str(state.status) for state in states]),
        "changed_at": _instants(state.changed_at for state in states),
    }


def _stop_params(states: Sequence[StopState], tenants: Tenants) -> Mapping[str, Any]:
    return {
        "tenants": _owners(states, tenants),
        "stops": Texts([state.stop for state in states]),
        "routes": Texts([state.route for state in states]),
        "vehicles": Texts([state.vehicle for state in states]),
        "statuses": Texts([str(state.status) for state in states]),
        "delays": Texts([str(state.delay) for state in states]),
        "arrived_at": [state.arrived_at for state in states],
        "departed_at": [state.departed_at for state in states],
        "changed_at": [state.changed_at for state in states],
    }


def _eta_params(etas: Sequence[Eta], tenants: Tenants) -> Mapping[str, Any]:
    instants = {name: _instants(getattr(eta, name) for eta in etas) for name in ("at", "p10", "p50", "p90", "shown")}
    return {
        **instants,
        "tenants": _owners(etas, tenants),
        "vehicles": Texts([eta.vehicle for eta in etas]),
        "routes": Texts([eta.route for eta in etas]),
        "stops": Texts([eta.stop for eta in etas]),
    }


def _digest(letter: DeadLetter) -> bytes:
    digest = hashlib.blake2b(digest_size=16)
    for part in (
        letter.topic.encode(),
        letter.payload,
        str(letter.payload_bytes).encode(),
        letter.reason.encode(),
        letter.detail.encode(),
    ):
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.digest()


def _last_of_each(items: Iterable[Any], identity: Any) -> list[Any]:
    return list({identity(item): item for item in items}.values())


def _owners(items: Iterable[Any], tenants: Tenants) -> Int4s:
    return Int4s(np.array([tenants.known_id(item.tenant) for item in items], np.int32))


def _int8s(values: Iterable[int]) -> Int8s:
    return Int8s(np.array(list(values), np.int64))


def _instants(values: Iterable[datetime]) -> Instants:
    return Instants(np.array([to_micros(value) for value in values], np.int64))


def _json(value: Mapping[str, Any]) -> str:
    return dump_json(value).decode()
