"""URLs of databases: read, made, and shown to people."""

import os
from pathlib import Path
from urllib.parse import unquote

import sqlalchemy as sa

from supervisor.errors import UsageError
from supervisor.store.errors import DatabaseError
from supervisor.store.tables import storable


def sqlite_url(path: Path) -> str:
    """Return the URL of an SQLite database file.

    Raises:
        DatabaseError: The path is not UTF-8, which a URL cannot carry.
    """
    try:
        return sa.URL.create("sqlite", database=str(path)).render_as_string(hide_password=False)
    except UnicodeEncodeError as error:
        raise DatabaseError(
            f"the path of database {os.fsencode(path)!r} is not UTF-8", hint="choose another directory with --runs-dir"
        ) from error


def parse_url(url: str) -> sa.URL:
    """Return a database URL with the driver that is used; `postgres://` is another word for `postgresql://`.

    Raises:
        UsageError: It is no URL, or that of a database of another kind.
    """
    unreadable = UsageError(
        "the database URL cannot be read", hint="write it like postgresql://user:password@host:5432/database"
    )
    if storable(unquote(url)) != unquote(url):
        raise unreadable
    try:
        parsed = sa.make_url(url)
    except (sa.exc.ArgumentError, ValueError) as error:
        # The error would repeat the URL, and its password with it.
        raise unreadable from error
    if "@" in (parsed.host or ""):
        # A part of the password would be taken for the host, and be shown.
        raise UsageError("the database URL has more than one '@'", hint="write %40 for an '@' in the password")
    match parsed.drivername:
        case "postgres" | "postgresql" | "postgresql+psycopg2":
            return parsed.set(drivername="postgresql+psycopg2")
        case "sqlite" | "sqlite+pysqlite" if parsed.database and parsed.database != ":memory:":
            return parsed
        case "sqlite" | "sqlite+pysqlite":
            raise UsageError(
                "a database in memory cannot be shared by processes", hint="name a file: sqlite:///runs.db"
            )
    raise UsageError(f"a database of kind {parsed.drivername!r} cannot be used", hint="use PostgreSQL or SQLite")


def shown_url(url: str | sa.URL) -> str:
    """Return the URL as people may see it: without its password."""
    parsed = sa.make_url(url)
    # As it was typed: the driver is our affair.
    parsed = parsed.set(drivername=parsed.get_backend_name())
    secret = [name for name in parsed.query if "password" in name]
    return parsed.difference_update_query(secret).render_as_string(hide_password=True)
