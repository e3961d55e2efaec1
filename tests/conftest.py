"""What several folders need: databases of every kind that the store knows, with and without tables."""

import itertools
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from supervisor.store.engine import open_engine
from supervisor.store.schema import prepare_control, prepare_results
from supervisor.store.urls import sqlite_url
from support.postgres import PostgresServer, running_postgres

DATABASES = ("sqlite", "postgresql")


def make_tables(url: str) -> None:
    engine = open_engine(url)
    prepare_control(engine)
    prepare_results(engine)
    engine.dispose()


def database_name(url: str) -> str:
    """Return the name of a database; that of one of SQLite is its path."""
    name = sa.make_url(url).database
    assert name is not None
    return name


@pytest.fixture(scope="session")
def after_each_test() -> ExitStack:
    """What is to be done when the present test ends."""
    return ExitStack()


@pytest.fixture(autouse=True)
def _ending_each_test(after_each_test: ExitStack) -> Iterator[None]:
    with after_each_test:
        yield


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """The server that the tests of this process share, and that none of them stops."""
    with running_postgres() as server:
        yield server


@pytest.fixture
def own_postgres() -> Iterator[PostgresServer]:
    """A server for a test alone, which may stop it."""
    with running_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def new_postgres_database(postgres: PostgresServer, after_each_test: ExitStack) -> Callable[[str], str]:
    """Make a database like the one named at every call, for the present test, and return its URL."""
    numbers = itertools.count(1)

    def make(template: str) -> str:
        name = f"test_{next(numbers)}"
        url = postgres.create_database(name, template=template)
        after_each_test.callback(postgres.drop_database, name)
        return url

    return make


@pytest.fixture(scope="session")
def migrated(postgres: PostgresServer) -> str:
    """The name of a database with all tables, to make others like it."""
    name = "migrated"
    make_tables(postgres.create_database(name))
    return name


@pytest.fixture
def postgres_url(new_postgres_database: Callable[[str], str], migrated: str) -> str:
    """A database with all tables."""
    return new_postgres_database(migrated)


@pytest.fixture(scope="session", params=DATABASES)
def database_kind(request: pytest.FixtureRequest) -> str:
    """A test that asks for it, or for a fixture that does, runs on each kind of database."""
    kind: str = request.param
    return kind


@pytest.fixture(scope="session")
def new_database_url(
    request: pytest.FixtureRequest, database_kind: str, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[], str]:
    """Make an empty database at every call, for the present test."""
    match database_kind:
        case "sqlite":
            folder, numbers = tmp_path_factory.mktemp("databases"), itertools.count(1)
            return lambda: sqlite_url(folder / f"{next(numbers)}.db")
        case "postgresql":
            new_postgres_database = request.getfixturevalue("new_postgres_database")
            return lambda: new_postgres_database("template1")
        case unknown:
            raise ValueError(unknown)


@pytest.fixture
def database_url(new_database_url: Callable[[], str]) -> str:
    return new_database_url()


@pytest.fixture(scope="session")
def with_tables(
    request: pytest.FixtureRequest, database_kind: str, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], str]:
    """Give an empty database all tables, sooner than by migrating it, and return its URL."""
    match database_kind:
        case "sqlite":
            template = tmp_path_factory.mktemp("template") / "migrated.db"
            make_tables(sqlite_url(template))

            def copy(url: str) -> str:
                shutil.copyfile(template, database_name(url))
                return url

            return copy
        case "postgresql":
            postgres, migrated = request.getfixturevalue("postgres"), request.getfixturevalue("migrated")

            def clone(url: str) -> str:
                postgres.drop_database(database_name(url))
                cloned: str = postgres.create_database(database_name(url), template=migrated)
                return cloned

            return clone
        case unknown:
            raise ValueError(unknown)


@pytest.fixture
def engine(database_url: str, with_tables: Callable[[str], str]) -> Iterator[Engine]:
    """The database of `database_url`, with all tables."""
    opened = open_engine(with_tables(database_url))
    yield opened
    opened.dispose()
