"""Brings a database to this version: numbered SQL files, each applied once, in order, in a transaction of its own.

The table `schema_migrations` says what was applied, with a checksum of the file: a file that was changed afterwards, or a
history that this version does not know, is refused before anything is done. An advisory lock lets one process migrate at a
time; the others wait and find nothing left to do. `repeatable_*.sql` runs every time, after the numbered ones; it holds what
depends on the server's licence. A failure there is reported and not fatal: the product works without it.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final

import psycopg

from store.errors import StoreError
from store.postgres.translation import translated

log = logging.getLogger(__name__)

_NAME: Final = re.compile(r"(\d{4})_([a-z0-9_]+)\.sql")
#: Any number that nobody else uses for an advisory lock on this database: "outrider" in ASCII.
_LOCK: Final = int.from_bytes(b"outrider", "big")
_TABLE: Final = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    version integer PRIMARY KEY,
    name text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    took_ms integer
)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    version: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()


class SchemaMismatch(StoreError):
    """The database's history is not one that this version can go on from."""


def known_migrations() -> list[Migration]:
    """The numbered migrations of this version, in order."""
    found = [
        Migration(version=int(match[1]), name=match[2], sql=file.read_text(encoding="utf-8"))
        for file in files("store").joinpath("migrations").iterdir()
        if (match := _NAME.fullmatch(file.name))
    ]
    return sorted(found, key=lambda migration: migration.version)


def repeatable_scripts() -> list[tuple[str, str]]:
    """(name, SQL) of what runs after every migration."""
    folder = files("store").joinpath("migrations")
    found = [file for file in folder.iterdir() if file.name.startswith("repeatable_") and file.name.endswith(".sql")]
    return sorted((file.name, file.read_text(encoding="utf-8")) for file in found)


def migrate_database(url: str, migrations: Sequence[Migration] | None = None) -> list[Migration]:
    """Apply what is missing; returns what was applied.

    Raises SchemaMismatch for a changed or a newer history, Unavailable where the database cannot be reached, StoreError where
    a migration fails (the ones before it stay applied).
    """
    wanted = known_migrations() if migrations is None else list(migrations)
    with (
        translated("the migration failed"),
        psycopg.connect(url, autocommit=True, application_name="outrider migrate", connect_timeout=10) as connection,
    ):
        connection.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
        connection.execute(_TABLE)
        missing = _missing(_applied(connection), wanted)
        for migration in missing:
            _apply(connection, migration)
        for name, script in repeatable_scripts():
            _repeat(connection, name, script)
    return missing


def check_schema(applied: Sequence[tuple[int, str]]) -> None:
    """Raises SchemaMismatch unless exactly this version's migrations are applied; `applied` are versions and checksums."""
    missing = _missing(applied, known_migrations())
    if missing:
        first = missing[0]
        raise SchemaMismatch(
            f"the database lacks migration {first.version:04} ({first.name}) and {len(missing) - 1} more: run `outrider migrate`"
        )


def _missing(applied: Sequence[tuple[int, str]], wanted: Sequence[Migration]) -> list[Migration]:
    known = {migration.version: migration for migration in wanted}
    for version, checksum in applied:
        if version not in known:
            raise SchemaMismatch(
                f"the database has migration {version:04}, which this version of Outrider does not know: it is older than the"
                " one that prepared the database; update it"
            )
        if known[version].checksum != checksum:
            raise SchemaMismatch(
                f"migration {version:04} ({known[version].name}) was changed after it was applied to this database: a change"
                " to the schema needs a new migration"
            )
    done = {version for version, _ in applied}
    if done and (gaps := set(known) - done) and min(gaps) < max(done):
        raise SchemaMismatch(f"the database lacks migration {min(gaps):04} and has {max(done):04}: its history is not in order")
    return [migration for migration in wanted if migration.version not in done]


def _applied(connection: psycopg.Connection[Any]) -> list[tuple[int, str]]:
    return connection.execute("SELECT version, checksum FROM schema_migrations ORDER BY version").fetchall()


def _apply(connection: psycopg.Connection[Any], migration: Migration) -> None:
    with connection.transaction():
        connection.execute(migration.sql)
        connection.execute(
            "INSERT INTO schema_migrations (version, name, checksum, took_ms)"
            " VALUES (%s, %s, %s, extract(milliseconds FROM clock_timestamp() - now())::integer)",
            [migration.version, migration.name, migration.checksum],
        )
    log.info("applied migration %04d %s", migration.version, migration.name)


def _repeat(connection: psycopg.Connection[Any], name: str, script: str) -> None:
    try:
        with connection.transaction():
            connection.execute(script)
    except psycopg.OperationalError:
        raise
    except psycopg.Error as problem:
        log.warning("%s failed, its features are not used: %s", name, str(problem).strip())
