"""Fixtures that give tests the real parts. A part that is missing skips the test with the reason; with CI=true it fails.

| fixture                | gives                                                                              |
|------------------------|------------------------------------------------------------------------------------|
| `timescale_url`        | an empty database of this test's own on TimescaleDB                                |
| `postgres_url`         | the same on plain PostgreSQL, without the extension                                |
| `database_url`         | runs the test on both                                                              |
| `databases`            | runs the test on both: `.fresh()`, `.template(key, prepare)`, `.server`            |
| `timescale_databases`, `postgres_databases` | the same, on one                                              |
| `start_timescale`, `start_postgres` | a server of the test's own, to stop, kill, freeze and start again      |
| `mosquitto`            | a broker that all tests share: everybody may do everything; `.host .port .url`     |
| `start_mosquitto`      | a broker of the test's own: users, ACL, TLS, restarts (`BrokerOptions`)             |
| `authority`            | issues certificates                                                                |
| `chromium`             | the path of an installed Chromium                                                  |
| `shared`               | `shared("data", "hfp")`: a path in the recordings beside the checkout              |
"""

from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from tests.realparts import tally
from tests.realparts.absence import PartMissingError, missing
from tests.realparts.certificates import Authority
from tests.realparts.chromium import chromium_program, chromium_version
from tests.realparts.database_servers import plain_postgres_server, timescale_server
from tests.realparts.databases import Databases
from tests.realparts.mosquitto import BrokerOptions, Mosquitto, running_mosquitto
from tests.realparts.postgres import PostgresServer
from tests.shared import shared_path

BOTH_DATABASES = [
    pytest.param("timescale_databases", marks=pytest.mark.timescale, id="timescale"),
    pytest.param("postgres_databases", marks=pytest.mark.postgres, id="postgres"),
]


@pytest.fixture(scope="session")
def timescale_databases(pytestconfig: pytest.Config) -> Iterator[Databases]:
    with ExitStack() as stack:
        try:
            server = stack.enter_context(timescale_server())
        except PartMissingError as problem:
            missing("TimescaleDB", str(problem))
        databases = Databases(server)
        tally.note_version(pytestconfig, "TimescaleDB", _timescale_version(databases))
        yield databases


@pytest.fixture(scope="session")
def postgres_databases(pytestconfig: pytest.Config) -> Iterator[Databases]:
    with ExitStack() as stack:
        try:
            server = stack.enter_context(plain_postgres_server())
        except PartMissingError as problem:
            missing("PostgreSQL", str(problem))
        tally.note_version(pytestconfig, "PostgreSQL", server.programs.version)
        yield Databases(server)


@pytest.fixture
def timescale_url(timescale_databases: Databases) -> Iterator[str]:
    with timescale_databases.fresh() as url:
        yield url


@pytest.fixture
def postgres_url(postgres_databases: Databases) -> Iterator[str]:
    with postgres_databases.fresh() as url:
        yield url


@pytest.fixture(params=BOTH_DATABASES)
def databases(request: pytest.FixtureRequest) -> Databases:
    found: Databases = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def database_url(databases: Databases) -> Iterator[str]:
    with databases.fresh() as url:
        yield url


@pytest.fixture
def start_timescale() -> Iterator[Callable[..., PostgresServer]]:
    """`start_timescale(settings={...})`: a TimescaleDB server that goes away with the test."""
    with ExitStack() as stack:

        def start(settings: dict[str, str] | None = None) -> PostgresServer:
            try:
                return stack.enter_context(timescale_server(settings=settings))
            except PartMissingError as problem:
                missing("TimescaleDB", str(problem))

        yield start


@pytest.fixture
def start_postgres() -> Iterator[Callable[..., PostgresServer]]:
    """`start_postgres(settings={...})`: a plain PostgreSQL server that goes away with the test."""
    with ExitStack() as stack:

        def start(settings: dict[str, str] | None = None) -> PostgresServer:
            try:
                return stack.enter_context(plain_postgres_server(settings=settings))
            except PartMissingError as problem:
                missing("PostgreSQL", str(problem))

        yield start


@pytest.fixture(scope="session")
def mosquitto(pytestconfig: pytest.Config) -> Iterator[Mosquitto]:
    with ExitStack() as stack:
        try:
            broker = stack.enter_context(running_mosquitto())
        except PartMissingError as problem:
            missing("Mosquitto", str(problem))
        tally.note_version(pytestconfig, "Mosquitto", broker.version)
        yield broker


@pytest.fixture
def start_mosquitto(pytestconfig: pytest.Config) -> Iterator[Callable[..., Mosquitto]]:
    """`start_mosquitto(users=..., tls=...)`, by the fields of BrokerOptions: a broker that goes away with the test."""
    with ExitStack() as stack:

        def start(**options: object) -> Mosquitto:
            try:
                broker = stack.enter_context(running_mosquitto(BrokerOptions(**options)))  # type: ignore[arg-type]
            except PartMissingError as problem:
                missing("Mosquitto", str(problem))
            tally.note_version(pytestconfig, "Mosquitto", broker.version)
            return broker

        yield start


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    folder = tmp_path / "certificates"
    folder.mkdir()
    return Authority(folder)


@pytest.fixture(scope="session")
def chromium(pytestconfig: pytest.Config) -> str:
    try:
        program = chromium_program()
    except PartMissingError as problem:
        missing("Chromium", str(problem))
    tally.note_version(pytestconfig, "Chromium", chromium_version())
    return program


@pytest.fixture
def shared() -> Callable[..., Path]:
    return shared_path


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    tally.mark(items)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.when == "call" or (report.when == "setup" and not report.passed):
        tally.count(item, report.outcome)
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    terminalreporter.section("against real parts")
    for line in tally.closing_lines(config):
        terminalreporter.write_line(line)


def _timescale_version(databases: Databases) -> str:
    with databases.fresh() as url, psycopg.connect(url) as connection:
        query = "SELECT default_version FROM pg_available_extensions WHERE name = 'timescaledb'"
        row = connection.execute(query).fetchone()
    return f"{row[0] if row else '?'} on PostgreSQL {databases.server.programs.version}"
