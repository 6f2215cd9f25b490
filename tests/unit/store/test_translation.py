"""The driver's errors in the store's words: what is worth repeating, what is not, and nothing secret."""

from __future__ import annotations

import psycopg
import pytest
from psycopg import errors
from psycopg_pool import PoolClosed, PoolTimeout

from store.errors import Rejected, StoreError, Unavailable
from store.postgres.translation import translated

_SAME_AGAIN = [
    errors.AdminShutdown("terminating connection"),
    errors.ConnectionFailure("x"),
    errors.DiskFull("no space"),
    errors.TooManyConnections("x"),
    errors.OutOfMemory("x"),
    errors.LockNotAvailable("x"),
    errors.QueryCanceled("statement timeout"),
    errors.SerializationFailure("x"),
    errors.DeadlockDetected("x"),
    errors.ReadOnlySqlTransaction("x"),
    errors.IoError("x"),
    errors.IdleInTransactionSessionTimeout("x"),
    psycopg.OperationalError("server closed the connection unexpectedly\n\tThis probably means"),
    psycopg.InterfaceError("the connection is closed"),
    PoolTimeout("x"),
    PoolClosed("x"),
    TimeoutError(),
    ConnectionResetError(104, "reset"),
]
_NOT_THESE_VALUES = [
    errors.InvalidTextRepresentation("invalid input syntax"),
    errors.NumericValueOutOfRange("x"),
    errors.UntranslatableCharacter("x"),
    errors.CheckViolation("x"),
    errors.ProgramLimitExceeded("x"),
    errors.InternalError_("x"),
    psycopg.DataError("PostgreSQL text fields cannot contain NUL (0x00) bytes"),
    UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed"),
    OverflowError("too large"),
]
_FOR_THE_OPERATOR = [
    errors.UndefinedTable("relation"),
    errors.SyntaxError("x"),
    errors.DataCorrupted("x"),
    errors.InsufficientPrivilege("x"),
]


def _translation(problem: Exception) -> StoreError:
    with pytest.raises(StoreError) as caught, translated():
        raise problem
    assert caught.value.__cause__ is problem
    return caught.value


@pytest.mark.parametrize("problem", _SAME_AGAIN, ids=lambda problem: type(problem).__name__)
def test_what_passes_is_unavailable(problem: Exception) -> None:
    assert type(_translation(problem)) is Unavailable


@pytest.mark.parametrize("problem", _NOT_THESE_VALUES, ids=lambda problem: type(problem).__name__)
def test_bad_values_are_rejected(problem: Exception) -> None:
    assert type(_translation(problem)) is Rejected


@pytest.mark.parametrize("problem", _FOR_THE_OPERATOR, ids=lambda problem: type(problem).__name__)
def test_the_rest_is_for_the_operator(problem: Exception) -> None:
    assert type(_translation(problem)) is StoreError


def test_a_missing_table_says_what_to_do() -> None:
    assert "run `outrider migrate`" in str(_translation(errors.UndefinedTable("relation")))


def test_only_the_first_line_is_shown() -> None:
    problem = errors.NotNullViolation("null value in column\nDETAIL:  Failing row contains (secret).")
    assert "secret" not in str(_translation(problem))


def test_what_the_caller_wants_to_see_itself_is_left_alone() -> None:
    with pytest.raises(errors.UniqueViolation), translated(untranslated=(errors.UniqueViolation,)):
        raise errors.UniqueViolation("duplicate key")
