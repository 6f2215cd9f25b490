"""The driver's errors in the store's words, in one place.

SQLSTATE classes (PostgreSQL documentation, appendix A) decide, not the driver's Python classes: those call everything that
is not the caller's fault an OperationalError.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import psycopg
import psycopg_pool

from store.errors import Rejected, StoreError, Unavailable

#: Connection lost (08), transaction rolled back by the server (25P03, 40), out of disk, memory or connections (53), not in
#: a state to do it (55, which includes lock time-outs), operator intervention and time-outs (57), system error (58); 25006 is
#: a write on a server that has become a standby.
_UNAVAILABLE: Final = ("08", "25006", "25P03", "40", "53", "55", "57", "58")
#: Bad data (22), a constraint (23), a value too large or too complex (54), an internal error of the server that these values
#: provoked (XX000; corruption has codes of its own).
_REJECTED: Final = ("22", "23", "54", "XX000")
#: No such table, column, function.
_NOT_MIGRATED: Final = ("42P01", "42703", "42883")


@contextmanager
def translated(doing: str = "the database refused", *, untranslated: tuple[type[Exception], ...] = ()) -> Iterator[None]:
    """Driver errors inside become StoreErrors, with the driver's one as the cause; `untranslated` pass as they are."""
    try:
        yield
    except untranslated:
        raise
    except (psycopg.Error, psycopg_pool.PoolTimeout, psycopg_pool.PoolClosed, psycopg_pool.TooManyRequests) as problem:
        raise translation(problem, doing) from problem
    except UnicodeEncodeError as problem:
        raise Rejected(f"{doing}: a text is not valid Unicode") from problem
    except OverflowError as problem:
        raise Rejected(f"{doing}: {problem}") from problem
    except TimeoutError as problem:
        raise Unavailable("the database did not answer in time") from problem
    except OSError as problem:
        raise Unavailable(f"the database cannot be reached: {problem}") from problem


def translation(problem: Exception, doing: str) -> StoreError:
    """The StoreError that says what a driver's or a pool's error means."""
    state = getattr(problem, "sqlstate", None)
    text = _first_line(problem)
    if state is None:
        return _without_state(problem, doing, text)
    if state.startswith(_UNAVAILABLE):
        return Unavailable(f"the database is not available: {text}")
    if state.startswith(_REJECTED):
        return Rejected(f"{doing}: {text}")
    if state in _NOT_MIGRATED:
        return StoreError(f"the schema is not this version's, run `outrider migrate`: {text}")
    return StoreError(f"{doing}: {text}")


def _without_state(problem: Exception, doing: str, text: str) -> StoreError:
    """The driver's own errors: it could not talk to the server, or could not write a value."""
    if isinstance(problem, psycopg_pool.PoolClosed):
        return Unavailable("the store is closed")
    if isinstance(problem, psycopg_pool.PoolTimeout | psycopg_pool.TooManyRequests):
        return Unavailable("the database cannot be reached, or all connections to it are busy")
    if isinstance(problem, psycopg.OperationalError | psycopg.InterfaceError):
        return Unavailable(f"the database cannot be reached: {text}")
    if isinstance(problem, psycopg.DataError):
        return Rejected(f"{doing}: {text}")
    return StoreError(f"{doing}: {text}")


def _first_line(problem: Exception) -> str:
    """Without the driver's hints and positions; never the values themselves (those are in DETAIL)."""
    lines = str(problem).strip().splitlines()
    return lines[0] if lines else type(problem).__name__
