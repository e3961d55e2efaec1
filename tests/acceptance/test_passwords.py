"""The password of a database: who looks at processes, files, tables and messages finds none."""

import contextlib
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import psutil
import psycopg2
import pytest
import sqlalchemy as sa

from support.postgres import PostgresServer

Archive = Any  # stands in conftest.py, which importlib mode keeps from being imported


@pytest.fixture
def url(postgres: PostgresServer, postgres_url: str) -> str:
    return str(postgres.tcp_url(str(sa.make_url(postgres_url).database)))


@pytest.fixture
def password(url: str) -> str:
    found = sa.make_url(url).password
    assert found
    return found


def environments(archive: Archive) -> Iterator[tuple[psutil.Process, dict[str, str]]]:
    for process in archive.processes():
        with contextlib.suppress(psutil.Error):
            yield process, process.environ()


def stored(url: str) -> str:
    """Everything that the tables hold, as text."""
    with contextlib.closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute("select table_name from information_schema.tables where table_schema = 'ops'")
        names = [name for (name,) in cursor.fetchall()]
        rows = []
        for name in names:
            cursor.execute(f"select t::text from ops.{name} t")  # noqa: S608 (names of tables)
            rows += [row for (row,) in cursor.fetchall()]
    assert len(rows) > 5
    return "\n".join(rows)


@pytest.mark.parametrize("given", ["option", "environment"])
def test_nobody_sees_it(
    archive: Archive, gate: Any, wait_until: Callable[..., None], *, url: str, password: str, given: str
) -> None:
    archive.scan("scans/a.png")
    archive.write("scans/broken.png", "no picture")
    archive.job("a", "scans/*")
    archive.commit()
    typed = [f"--database-url={url}"] if given == "option" else []
    environment = {"DATABASE_URL": url} if given == "environment" else {}
    running = archive.start("--run-ids=a", "--workers=1", "-v", *typed, **environment, **gate.environment)
    wait_until(lambda: gate.arrived() == 1)
    shown = subprocess.run(["ps", "axww", "-o", "args"], capture_output=True, text=True, check=True).stdout
    assert "--run-ids=a --workers=1 -v" in shown
    assert password not in shown
    assert not [process for process in archive.processes() if password in "".join(process.cmdline())]
    having_it = [process.pid for process, found in environments(archive) if password in "".join(found.values())]
    # What was started with it has it, where its own user alone can read it; nothing else does.
    assert having_it == ([running.process.pid] if given == "environment" else [])
    gate.open()
    done = running.end()
    assert done.code == 1
    assert "supervisor started" in done.err
    told = [done.out, done.err, archive.supervisor("show", "a", DATABASE_URL=url).out, stored(url)]
    told += [path.read_text(errors="replace") for path in archive.runs.rglob("*") if path.is_file()]
    assert [text for text in told if password in text] == []


def test_a_database_that_refuses_is_named_without_it(three: Archive, url: str, password: str) -> None:
    wrong = url.replace(password, f"not-{password}")
    done = three.supervisor("--run-ids=a", "--database-url", wrong)
    assert done.code == 4
    assert "password authentication failed" in done.err
    assert password not in done.out + done.err
