"""What several folders need: databases of every kind that the store knows."""

import itertools
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy.engine import Engine

from supervisor.store.engine import open_engine, sqlite_url
from supervisor.store.schema import prepare_control

DATABASES = ("sqlite",)


@pytest.fixture(scope="session", params=DATABASES)
def new_database_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], str]:
    """Make an empty database at every call; a test that asks for it runs on each kind of database."""
    match request.param:
        case "sqlite":
            folder, numbers = tmp_path_factory.mktemp("databases"), itertools.count(1)
            return lambda: sqlite_url(folder / f"{next(numbers)}.db")
        case unknown:
            raise ValueError(unknown)


@pytest.fixture
def database_url(new_database_url: Callable[[], str]) -> str:
    return new_database_url()


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """A database with the control tables."""
    opened = open_engine(database_url)
    prepare_control(opened)
    yield opened
    opened.dispose()
