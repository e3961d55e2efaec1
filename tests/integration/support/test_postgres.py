import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, Literal

import psutil
import psycopg2
import pytest

import support.postgres
from supervisor.locks.processes import wait_until
from support.postgres import PostgresServer, installed_programs, running_postgres

OWNER = Path(__file__).with_name("server_owner.py")
TESTS = Path(__file__).parents[2]


def ask(url: str, *statements: str) -> Any:
    """Return the first value that the last statement gives."""
    with closing(psycopg2.connect(url)) as connection, connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
        row = cursor.fetchone()
    return row and row[0]


def postmaster(folder: Path) -> psutil.Process:
    return psutil.Process(int((folder / "data" / "postmaster.pid").read_text().split()[0]))


def places(folder: Path) -> list[Path]:
    """Return where a server's files are."""
    return [folder, (folder / "data").resolve()]


def is_alive(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_a_restart_keeps_data_and_urls(own_postgres: PostgresServer, mode: Literal["fast", "immediate"]) -> None:
    url = own_postgres.create_database("a")
    assert ask(url, "CREATE TABLE t AS SELECT 42 AS x", "SELECT x FROM t") == 42
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        own_postgres.stop(mode)
        with pytest.raises(psycopg2.DatabaseError):
            cursor.execute("SELECT 1")
    with pytest.raises(psycopg2.OperationalError):
        psycopg2.connect(url)
    own_postgres.start()
    for again in (url, own_postgres.tcp_url("a")):
        assert ask(again, "SELECT x FROM t") == 42


def test_killed_backends_are_those_of_one_database(postgres: PostgresServer, postgres_url: str) -> None:
    database = ask(postgres_url, "SELECT current_database()")
    with (
        closing(psycopg2.connect(postgres_url)) as connection,
        closing(psycopg2.connect(postgres.url("postgres"))) as other,
        connection.cursor() as cursor,
        other.cursor() as other_cursor,
    ):
        cursor.execute("SELECT 1")
        assert postgres.kill_backends(database) == 1
        with pytest.raises(psycopg2.DatabaseError):
            cursor.execute("SELECT 1")
        other_cursor.execute("SELECT 1")


def test_databases_of_a_template_are_apart(
    postgres: PostgresServer, new_postgres_database: Callable[[str], str], migrated: str
) -> None:
    one, other = new_postgres_database(migrated), new_postgres_database(migrated)
    insert = "INSERT INTO ops.sessions (id, title, status, created_at) VALUES ('x', 't', 'created', now()) RETURNING id"
    assert ask(one, insert) == "x"
    assert ask(one, "SELECT count(*) FROM ops.sessions") == 1
    assert ask(other, "SELECT count(*) FROM ops.sessions") == 0
    assert ask(postgres.url(migrated), "SELECT count(*) FROM ops.sessions") == 0


@pytest.mark.parametrize("template", ["template0", "template1"])  # the second sees what the first has left
def test_databases_of_finished_tests_are_dropped(
    postgres: PostgresServer, new_postgres_database: Callable[[str], str], template: str
) -> None:
    of_tests = "SELECT count(*) FROM pg_database WHERE datname LIKE 'test_%'"
    assert ask(postgres.url("postgres"), of_tests) == 0
    assert ask(new_postgres_database(template), of_tests) == 1


def test_strangers_need_the_password(postgres: PostgresServer) -> None:
    url = postgres.tcp_url("postgres")
    assert ask(url, "SELECT 1") == 1
    with pytest.raises(psycopg2.OperationalError, match="password"):
        psycopg2.connect(url, password="guessed")  # noqa: S106 (a wrong one)
    assert postgres.folder.stat().st_mode & 0o777 == 0o700


def test_a_server_does_not_outlive_its_block() -> None:
    with running_postgres() as server:
        process, used = postmaster(server.folder), places(server.folder)
    assert not is_alive(process)
    assert not any(place.exists() for place in used)


def test_a_server_does_not_outlive_a_killed_process() -> None:
    environment = {**os.environ, "PYTHONPATH": str(TESTS)}
    owner = subprocess.Popen([sys.executable, str(OWNER)], stdout=subprocess.PIPE, text=True, env=environment)
    assert owner.stdout
    folder = Path(owner.stdout.readline().strip())
    process, used = postmaster(folder), places(folder)
    owner.kill()
    owner.communicate()
    assert wait_until(lambda: not is_alive(process) and not any(place.exists() for place in used), 30)


def test_memory_is_left_alone_where_it_is_scarce(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(support.postgres, "ROOMY_BYTES", 2**80)
    with running_postgres() as server:
        assert all(place.is_relative_to(server.folder) for place in places(server.folder))
        assert ask(server.url("postgres"), "SELECT 1") == 1
    assert not server.folder.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as somebody else")
def test_programs_out_of_reach_of_the_servers_user_are_copied(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    site_packages, programs = tmp_path / "site-packages", installed_programs()
    site_packages.symlink_to(programs.parents[1])
    with running_postgres(site_packages / programs.relative_to(programs.parents[1])) as server:
        assert ask(server.url("postgres"), "SELECT 1") == 1
        assert Path(postmaster(server.folder).exe()).is_relative_to(server.folder)
    assert not server.folder.exists()
