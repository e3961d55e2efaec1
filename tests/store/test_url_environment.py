from collections.abc import Mapping

import pytest
import sqlalchemy as sa

from supervisor.store.engine import open_engine, transaction
from supervisor.store.errors import DatabaseError
from supervisor.store.url_environment import with_environment
from supervisor.store.urls import shown_url
from support.postgres import PostgresServer

EVERYTHING = {
    "PGHOST": "db.example.org",
    "PGPORT": "6543",
    "PGUSER": "ada",
    "PGPASSWORD": "s/cret@",
    "PGDATABASE": "ocr",
    "PGSSLMODE": "require",
}


@pytest.mark.parametrize(
    ("url", "filled"),
    [
        ("postgres://", "postgresql+psycopg2://ada:s%2Fcret%40@db.example.org:6543/ocr?sslmode=require"),
        (
            "postgresql://bob:b@here:1/archive?sslmode=disable",
            "postgresql+psycopg2://bob:b@here:1/archive?sslmode=disable",
        ),
        (
            "postgresql:///archive?host=/run/postgresql&port=7&sslmode=disable",
            "postgresql+psycopg2://ada:s%2Fcret%40@/archive?host=%2Frun%2Fpostgresql&port=7&sslmode=disable",
        ),
        ("sqlite:////srv/runs.db", "sqlite:////srv/runs.db"),
    ],
)
def test_what_a_url_leaves_out_comes_from_the_variables_of_libpq(url: str, filled: str) -> None:
    assert with_environment(url, EVERYTHING) == filled


def test_without_variables_nothing_is_added() -> None:
    url = "postgresql+psycopg2://ada@db.example.org/ocr"
    assert with_environment(url, {"PGPORT": "no number", "HOME": "/root"}) == url


@pytest.mark.parametrize(
    ("url", "environment", "arguments"),
    [
        ("postgresql://h/x", {"PGPASSWORD": "s&e=c"}, {"host": "h", "dbname": "x", "password": "s&e=c"}),
        (
            "postgresql://h/x?user=ada",
            {"PGPASSWORD": "s", "PGUSER": "bob"},
            {"host": "h", "dbname": "x", "user": "ada", "password": "s"},
        ),
        ("postgresql://h/x?password=mine", {"PGPASSWORD": "s"}, {"host": "h", "dbname": "x", "password": "mine"}),
        (
            "postgresql:///x",
            {"PGHOST": "/run/pg", "PGPORT": "7"},
            {"host": "/run/pg", "port": "7", "dbname": "x"},
        ),
        ("postgresql:///x", {"PGHOST": "@pg"}, {"host": "@pg", "dbname": "x"}),
        ("postgresql://h:1/x", {"PGHOST": "/run/pg", "PGPORT": "7"}, {"host": "h", "port": 1, "dbname": "x"}),
        (
            "postgresql:///x",
            {"PGHOST": "a,b", "PGPORT": "5432,5433"},
            {"host": "a,b", "port": "5432,5433", "dbname": "x"},
        ),
        ("postgresql:///x", {"PGHOST": "a,b", "PGPORT": "7"}, {"host": "a,b", "port": "7,7", "dbname": "x"}),
        ("postgresql:///x", {"PGHOST": "a,b"}, {"host": "a,b", "port": ",", "dbname": "x"}),
        ("postgresql://a,b/x", {"PGPORT": "1,"}, {"host": "a,b", "port": "1,", "dbname": "x"}),
        ("postgresql://h/?dbname=x", {"PGDATABASE": "y"}, {"host": "h", "dbname": "x"}),
        ("postgresql:///x", {"PGHOST": "::1", "PGPORT": "7"}, {"host": "::1", "port": 7, "dbname": "x"}),
        (
            "postgresql:///x?host=a:1&host=b:2",
            {"PGHOST": "c", "PGPORT": "7"},
            {"host": "a,b", "port": "1,2", "dbname": "x"},
        ),
    ],
)
def test_the_driver_is_told_what_libpq_would_have_read(
    url: str, environment: Mapping[str, str], arguments: Mapping[str, object]
) -> None:
    engine = open_engine(with_environment(url, environment))
    assert engine.dialect.create_connect_args(engine.url)[1] == arguments
    engine.dispose()


@pytest.mark.parametrize("user", ["in the URL", "PGUSER", "query"])
def test_a_server_is_reached_with_the_password_of_the_environment(postgres: PostgresServer, user: str) -> None:
    full = sa.make_url(postgres.tcp_url("postgres"))
    assert isinstance(full.password, str)
    environment = {"PGPASSWORD": full.password, "PGHOST": "127.0.0.1", "PGPORT": str(full.port)}
    match user:
        case "in the URL":
            url = f"postgres://{full.username}@/postgres"
        case "PGUSER":
            url, environment["PGUSER"] = "postgres:///postgres", str(full.username)
        case _:
            url = f"postgres:///postgres?user={full.username}"
    filled = with_environment(url, environment)
    assert who(filled) == full.username
    assert full.password not in shown_url(filled)
    with pytest.raises(DatabaseError) as caught:
        who(sa.make_url(filled).set(database="nowhere").render_as_string(hide_password=False))
    assert full.password not in str(caught.value)
    with pytest.raises(DatabaseError):
        who(with_environment(url, {**environment, "PGPASSWORD": "wrong"}))


def test_a_server_is_reached_by_the_folder_of_its_socket_and_by_lists(postgres: PostgresServer) -> None:
    tcp, socket = sa.make_url(postgres.tcp_url("postgres")), sa.make_url(postgres.url("postgres"))
    port = str(tcp.port)
    environment = {"PGHOST": str(socket.query["host"]), "PGPORT": port, "PGUSER": "postgres"}
    assert who(with_environment("postgres:///postgres", environment)) == "postgres"
    # Nobody listens at the first.
    environment["PGHOST"] = f"/nowhere,{socket.query['host']}"
    assert who(with_environment("postgres:///postgres", environment)) == "postgres"
    environment["PGPORT"] = f"1,{port}"
    assert who(with_environment("postgres:///postgres", environment)) == "postgres"


def who(url: str) -> object:
    """Return as whom a URL leads to its database."""
    engine = open_engine(url)
    try:
        with transaction(engine) as connection:
            return connection.scalar(sa.text("SELECT current_user"))
    finally:
        engine.dispose()
