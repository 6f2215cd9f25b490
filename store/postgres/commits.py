"""The worker's transaction: fixes by COPY, and everything else behind them in one pipeline that ends with COMMIT.

1. Fixes go straight into the table by COPY, as the first thing of the transaction. Hardly ever is one there already.
2. Where one is, PostgreSQL refuses the whole COPY. Nothing else has been done yet, so the transaction is simply begun again
   (no savepoint: a subtransaction would burden every row's visibility for a case that is rare), now with an INSERT that skips
   what is there.
3. All other statements are sent at once, together with COMMIT, and answered at once: one round trip however many they are.
4. Events come last, under a lock that lasts until the commit, so that they become visible in the order of their numbers;
   commits without events never wait for it.

The transaction runs in a thread (`off_loop`), so that the server is not kept waiting by what else the event loop does.

A connection that is lost before the answer to COMMIT leaves open what happened. Everything that a commit writes has a
natural key, so writing it again is the answer to either.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from psycopg import AsyncCursor, errors

from fleet.event import Event
from fleet.fix import FixBatch, Int32s, Int64s
from fleet.message import DeadLetter
from store.dedupe import first_of_each
from store.errors import Unavailable
from store.postgres import findings
from store.postgres.arrays import Float4s, Float8s, Instants, Int2s, Int4s, Int8s, Texts
from store.postgres.claim import Claim
from store.postgres.commands import of_trackers
from store.postgres.connections import of_connections
from store.postgres.copying import COLUMNS, encode
from store.postgres.database import Connection, Database, rows
from store.postgres.newest import NewestPositions
from store.postgres.off_loop import OffLoop
from store.postgres.partitions import Partitions
from store.postgres.proximity import of_proximity
from store.postgres.queries import Queries
from store.postgres.tenants import Tenants
from store.postgres.translation import translation
from store.records import Commit, Committed
from store.refusals import tenants_of
from store.storable import refused_letters, storable_letter, unstorable

_SQL: Final = Queries("commit")
_COPY: Final = f"COPY fixes ({', '.join(COLUMNS)}) FROM STDIN (FORMAT BINARY)"
#: Two workers that write the same rows can block each other; one of them is told, and tries again at once.
_MOST_ATTEMPTS: Final = 5
#: `Commits._begins_with` where others commit as well: what they wrote is not known here.
_EVERY_BATCH: Final = 2**62
#: What a second attempt may mend.
_DISTURBANCES: Final = (errors.UniqueViolation, errors.CheckViolation, errors.DeadlockDetected, errors.SerializationFailure)


@dataclass(slots=True, kw_only=True)
class _Prepared:
    """A commit, made ready to be sent: what can be worked out before the transaction is."""

    commit: Commit
    #: Storable, one of each (vehicle, time), in order of vehicle and time.
    fixes: FixBatch
    tenants: Int32s
    #: Row in `commit.fixes` of each of `fixes`.
    rows: npt.NDArray[np.intp]
    #: Those of the commit and those of fixes that cannot be stored.
    letters: list[DeadLetter]
    refused: list[DeadLetter]
    events: list[Event]


@dataclass(slots=True, kw_only=True)
class _Written:
    batch: int
    is_new: npt.NDArray[np.bool_]
    new_events: frozenset[str]
    seq: int
    #: Vehicles whose newest positions are written.
    placed: Int64s


class Commits:
    """Writes commits, one after another; knows the newest positions since the last checkpoint."""

    def __init__(self, database: Database, claim: Claim, tenants: Tenants, partitions: Partitions) -> None:
        self._database = database
        self._claim = claim
        self._tenants = tenants
        self._partitions = partitions
        self._turn = asyncio.Lock()
        self._off_loop = OffLoop()
        self._newest = NewestPositions()
        #: Whether there may be fixes since the last checkpoint that `_newest` does not hold: written by the process before
        #: this one, or by a commit that failed or whose answer was lost. The next checkpoint looks into the fixes then: those
        #: before the batch that `_newest` begins with (None: there is none yet).
        self._is_unsure = True
        self._begins_with: int | None = None

    async def commit(self, commit: Commit) -> Committed:
        async with self._turn:
            prepared = await self._prepare(commit)
            try:
                written, collided = await self._write(prepared)
            except BaseException:
                self._doubt()
                raise
            if commit.checkpoint_vehicles is not None:
                self._newest.forget(written.placed)
                self._is_unsure &= _included(commit, written.batch) == 0
            return _committed(prepared, written, collided)

    def _doubt(self) -> None:
        self._newest.clear()
        self._is_unsure, self._begins_with = True, None

    async def _prepare(self, commit: Commit) -> _Prepared:
        fixes, problems = commit.fixes, unstorable(commit.fixes)
        tenants = await self._tenants.of_vehicles(fixes.vehicle)
        for row in np.flatnonzero(tenants == 0).tolist():
            problems.setdefault(row, "the vehicle is not known")
        # First the bad rows out, then the duplicates: a bad row must not stand for a good one.
        good = np.delete(np.arange(len(fixes)), list(problems))
        rows = good[first_of_each(fixes.vehicle[good], fixes.time[good])]
        refused = [storable_letter(letter) for letter in refused_letters(fixes, problems, commit.messages)]
        await self._tenants.ensure(tenants_of(commit.outcome) | {states.tenant for states in commit.proximity})
        await self._tenants.of_vehicles(findings.vehicles_of(commit))
        prepared = _Prepared(
            commit=commit,
            fixes=fixes.take(rows),
            tenants=tenants[rows],
            rows=rows,
            letters=[storable_letter(letter) for letter in commit.dead_letters] + refused,
            refused=refused,
            events=list({event.id: event for event in reversed(commit.outcome.events)}.values())[::-1],
        )
        await self._ensure_partitions(prepared)
        return prepared

    async def _ensure_partitions(self, prepared: _Prepared) -> None:
        await self._partitions.ensure("fixes", prepared.fixes.time)
        await self._partitions.ensure("etas", findings.eta_times(prepared.commit.outcome))

    async def _write(self, prepared: _Prepared) -> tuple[_Written, bool]:
        """Until it is written, or is not to be; and whether some of the fixes were there already."""
        collided = False
        for _ in range(_MOST_ATTEMPTS):
            try:
                async with self._claim.connection(untranslated=_DISTURBANCES) as connection:
                    return await self._off_loop.run(connection, self._transact(connection, prepared, collided)), collided
            except errors.UniqueViolation as problem:
                if collided:
                    raise translation(problem, "the database refuses the commit") from problem
                collided = True
            except errors.CheckViolation as problem:
                # PostgreSQL's error for a row without a partition names no constraint.
                if problem.diag.constraint_name is not None:
                    raise translation(problem, "the database refuses the commit") from problem
                self._partitions.forget()
                await self._ensure_partitions(prepared)
            except (errors.DeadlockDetected, errors.SerializationFailure):
                pass
            self._doubt()
        raise Unavailable(f"other writers of the same rows disturbed the commit {_MOST_ATTEMPTS} times")

    async def close(self) -> None:
        """A commit that is still under way is given up."""
        await self._off_loop.close()

    async def _transact(self, connection: Connection, prepared: _Prepared, is_collision: bool) -> _Written:
        """Run beside the event loop: awaits nothing but the connection."""
        batch = await _begin(connection)
        if self._begins_with is None:
            self._begins_with = batch if self._claim.is_taken else _EVERY_BATCH
        is_new = await (_insert if is_collision else _copy)(connection, prepared, batch)
        self._newest.take_in(prepared.fixes if is_new.all() else prepared.fixes.take(is_new), batch)
        checkpoint, placed = await self._checkpoint_statements(connection, batch, prepared.commit)
        async with connection.pipeline():
            for name, params in self._statements(prepared, batch, is_new):
                await connection.execute(_SQL[name], params)
            for name, params in checkpoint:
                await connection.execute(_SQL[name], params)
            events = await _send_events(connection, prepared.events, self._tenants)
            last_seq = await connection.execute(_SQL["last_seq"])
            await connection.execute("COMMIT")
        ((seq,),) = await last_seq.fetchall()
        new_events = frozenset() if events is None else frozenset(id_ for (id_,) in await events.fetchall())
        return _Written(batch=batch, is_new=is_new, new_events=new_events, seq=seq, placed=placed)

    def _statements(self, prepared: _Prepared, batch: int, is_new: npt.NDArray[np.bool_]) -> Iterator[findings.Statement]:
        """Everything between the fixes and the checkpoint."""
        commit = prepared.commit
        if is_new.any():
            yield findings.note_batch(batch, prepared.fixes.time[is_new])
        yield from of_trackers(commit.answers, commit.uplinks)
        if commit.retried:
            yield findings.drop_retried(commit.retried)
        yield from findings.of_letters(prepared.letters)
        yield from findings.of_clocks(commit.clocks)
        yield from of_connections(commit.connections)
        yield from findings.of_outcome(commit.outcome, self._tenants)
        yield from findings.of_anchors(commit, self._tenants)
        yield from of_proximity(commit.proximity, self._tenants)

    async def _checkpoint_statements(
        self, connection: Connection, batch: int, commit: Commit
    ) -> tuple[list[findings.Statement], Int64s]:
        """States and positions as of this batch, and, where they are the last of their checkpoint, the mark that everything up
        to it is included. Also the vehicles whose positions are written with it."""
        states, included = commit.checkpoint_vehicles, _included(commit, batch)
        if states is None:
            return [], np.zeros(0, np.int64)
        statements: list[findings.Statement] = []
        if included and self._is_unsure:
            # All since the last checkpoint would hold up everything a moment after the start, for what is known here.
            ((after, min_time, max_time),) = await rows(connection, _SQL["doubtful_bounds"], {"before": self._begins_with})
            if min_time is not None:
                statements.append(("sweep_positions", {"after": after, "min_time": min_time, "max_time": max_time}))
        keys = np.union1d(np.array(list(states), np.int64), self._newest.since(included))
        if len(keys):
            statements.append(findings.vehicles(keys, states, batch, self._tenants, self._newest.params(keys)))
        if included:
            statements += [("put_checkpoint", {"batch": included}), ("forget_batches", {"batch": included})]
        return statements, keys


def _included(commit: Commit, batch: int) -> int:
    """The last batch that the stored states include once the commit of this number is; 0 where that stays as it was."""
    return batch if commit.checkpoint_up_to is None else commit.checkpoint_up_to


async def _begin(connection: Connection) -> int:
    """Open the transaction and draw the batch's number, in one round trip."""
    cursor = await connection.execute(_SQL["begin"])
    cursor.nextset()
    ((batch,),) = await cursor.fetchall()
    return int(batch)


async def _copy(connection: Connection, prepared: _Prepared, batch: int) -> npt.NDArray[np.bool_]:
    """All rows or none. Raises UniqueViolation where one is there already."""
    if len(prepared.fixes):
        async with connection.cursor() as cursor, cursor.copy(_COPY) as copy:
            for block in encode(prepared.fixes, prepared.tenants, batch):
                await copy.write(block)
    return np.ones(len(prepared.fixes), np.bool_)


async def _insert(connection: Connection, prepared: _Prepared, batch: int) -> npt.NDArray[np.bool_]:
    """Those that are not there yet; which those are."""
    fixes = prepared.fixes
    params = {
        "batch": batch,
        "time": Instants(fixes.time),
        "vehicle": Int8s(fixes.vehicle),
        "lat": Float8s(fixes.lat),
        "lon": Float8s(fixes.lon),
        "received": Instants(fixes.received),
        "tenants": Int4s(prepared.tenants),
        "flags": Int4s(fixes.flags),
        "speed_mps": Float4s(fixes.speed_mps),
        "heading_deg": Float4s(fixes.heading_deg),
        "accuracy_m": Float4s(fixes.accuracy_m),
        "altitude_m": Float4s(fixes.altitude_m),
        "satellites": Int2s(fixes.satellites),
        "extras": Texts([None if extra is None else extra.decode() for extra in fixes.extras]),
    }
    ((keys, times),) = await rows(connection, _SQL["add_fixes"], params)
    # Of the new ones followed by all, those of all that are no first of their kind are new.
    first = first_of_each(np.concatenate((keys, fixes.vehicle)), np.concatenate((times, fixes.time)))
    is_new = np.ones(len(fixes), np.bool_)
    is_new[first[first >= len(keys)] - len(keys)] = False
    return is_new


async def _send_events(connection: Connection, events: Sequence[Event], tenants: Tenants) -> AsyncCursor[tuple[Any, ...]] | None:
    if not events:
        return None
    await connection.execute(_SQL["lock_numbering"])
    added = await connection.execute(_SQL["add_events"], findings.event_params(events, tenants))
    await connection.execute(_SQL["wake_readers"])
    return added


def _committed(prepared: _Prepared, written: _Written, collided: bool) -> Committed:
    new_rows = np.zeros(len(prepared.commit.fixes), np.bool_)
    new_rows[prepared.rows[written.is_new]] = True
    stored = int(written.is_new.sum())
    return Committed(
        batch=written.batch,
        stored=stored,
        duplicates=len(prepared.commit.fixes) - len(prepared.refused) - stored,
        new_events=[event for event in prepared.events if event.id in written.new_events],
        seq=written.seq,
        collided=collided,
        new_rows=new_rows,
        refused=prepared.refused,
    )
