"""The database of a round, as the harness reads it."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2

from chaos.archive import Archive
from chaos.plan import RUN_IDS

Row = tuple[Any, ...]


class AwayError(Exception):
    """The server does not answer, as somebody wanted it."""


@dataclass(frozen=True)
class SqliteRows:
    """The files in the runs directory; without any, there are no rows."""

    archive: Archive
    arguments: Sequence[str] = ("--per-run-sqlite",)

    def control(self, query: str) -> list[Row]:
        return _read(self.archive.runs.control_database, query)

    def results(self, query: str) -> list[Row]:
        return [row for run_id in RUN_IDS for row in _read(self.archive.runs.run(run_id).database, query)]

    def damage(self) -> list[str]:
        files = [self.archive.runs.control_database, *(self.archive.runs.run(one).database for one in RUN_IDS)]
        return [f"{file.name} is damaged: {found}" for file in files if (found := _damage(file))]


def _damage(file: Path) -> str | None:
    try:
        found = _read(file, "PRAGMA integrity_check")
    except sqlite3.DatabaseError as error:
        return str(error)
    return None if found == [("ok",)] else str(found)


def _read(file: Path, query: str) -> list[Row]:
    if not file.exists():
        return []
    # Read only: who can write, and closes it last, tidies up after the program. One who only reads would leave a log
    # behind where there is none: then nobody has the database open, and it is read as one that does not change.
    has_log = file.with_name(f"{file.name}-wal").exists()
    uri = f"{file.as_uri()}?mode=ro{'' if has_log else '&immutable=1'}"
    with closing(sqlite3.connect(uri, uri=True, timeout=10)) as connection:
        try:
            return connection.execute(query).fetchall()
        except sqlite3.OperationalError as error:
            if "no such table" in str(error):
                return []
            raise


@dataclass(frozen=True)
class PostgresRows:
    """One database of a server."""

    url: str

    @property
    def arguments(self) -> Sequence[str]:
        return ("--database-url", self.url)

    def control(self, query: str) -> list[Row]:
        try:
            with (
                closing(psycopg2.connect(self.url, options="-c search_path=ops", connect_timeout=2)) as connection,
                connection.cursor() as cursor,
            ):
                cursor.execute(query)
                return cursor.fetchall()
        except psycopg2.errors.UndefinedTable:
            return []
        except psycopg2.OperationalError as error:
            raise AwayError(str(error)) from error

    def results(self, query: str) -> list[Row]:
        return self.control(query)

    def damage(self) -> list[str]:
        return []


Rows = SqliteRows | PostgresRows
