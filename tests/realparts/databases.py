"""A fresh database for each test on a server that all tests share, and templates of which copies are cheap."""

import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
from psycopg import sql

from tests.realparts.postgres import OWNER, PostgresServer

EMPTY = "template0"


class Databases:
    """Makes and drops the databases of one server."""

    def __init__(self, server: PostgresServer) -> None:
        self.server = server
        self._numbers = itertools.count(1)
        self._templates: dict[str, str] = {}

    @contextmanager
    def fresh(self, *, template: str = EMPTY) -> Iterator[str]:
        """The URL of a database that exists as long as the block; its owner is no superuser."""
        name = self._create(template)
        try:
            yield self.server.url(name)
        finally:
            with psycopg.connect(self.server.admin_url, autocommit=True) as connection:
                connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def template(self, key: str, prepare: Callable[[str], None]) -> str:
        """The name of a database on which `prepare(url)` ran, once a session; for `fresh(template=...)`."""
        if key not in self._templates:
            name = self._create(EMPTY)
            prepare(self.server.url(name))
            self._close(name)
            self._templates[key] = name
        return self._templates[key]

    def _create(self, template: str) -> str:
        name = f"test_{next(self._numbers)}"
        create = sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {}").format(
            sql.Identifier(name), sql.Identifier(OWNER), sql.Identifier(template)
        )
        with psycopg.connect(self.server.admin_url, autocommit=True) as connection:
            connection.execute(create)
        return name

    def _close(self, name: str) -> None:
        """A template must have no connection, and TimescaleDB's background workers hold one."""
        with psycopg.connect(self.server.admin_url, autocommit=True) as connection:
            connection.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(sql.Identifier(name)))
            connection.execute(sql.SQL("ALTER DATABASE {} IS_TEMPLATE true").format(sql.Identifier(name)))
            disconnect = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = %s"
            while connection.execute(disconnect, [name]).fetchone() != (0,):
                time.sleep(0.02)
