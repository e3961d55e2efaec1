"""The control database: does it answer, is it where it can be trusted, do its tables fit this program."""

import shlex
import socket
from collections.abc import Sequence
from pathlib import Path

import sqlalchemy as sa

from supervisor.artifacts.filesystems import Mount, network_file_system
from supervisor.store.databases import SHARING_HINT
from supervisor.store.errors import DatabaseError, DatabaseFull
from supervisor.store.urls import parse_url
from supervisor.supervision.checkup.findings import Finding, Level, Surroundings
from supervisor.supervision.checkup.storage import obstacle_to_writing
from supervisor.supervision.upkeep import Condition, DatabaseView, look

_NAME = "database"
_PORT = 5432
_LOCAL = frozenset({"", "localhost", "127.0.0.1", "::1"})
_KNOCK_SECONDS = 3.0
_TABLES = {
    Condition.CURRENT: (Level.OK, "", None),
    Condition.MISSING: (Level.OK, ", no tables yet: they come with the first run", None),
    Condition.OLD: (Level.WARNING, " has older tables", "the next run upgrades them, or: supervisor db upgrade"),
    Condition.NEW: (Level.ERROR, " has newer tables", "upgrade this program, or choose another database"),
}


def check_database(surroundings: Surroundings) -> Finding:
    """Tell which database is used, and whether its tables fit this program."""
    databases = surroundings.place.databases
    if databases.shared and databases.is_sqlite:
        refused = _refused(Path(parse_url(databases.control_url).database or "").absolute(), surroundings.mounts)
        if refused:
            return refused
    try:
        view = look(surroundings.place)
    except DatabaseFull:
        raise
    except DatabaseError as error:
        return Finding(
            Level.ERROR, _NAME, error.message.removeprefix("database "), _remedy(parse_url(databases.control_url))
        )
    level, said, hint = _TABLES[view.worst]
    facts = {"url": view.url, "tables": view.worst}
    return Finding(level, _NAME, view.url + said + _revisions(view), hint, facts=facts)


def _refused(file: Path, mounts: Sequence[Mount] | None) -> Finding | None:
    """Return what is wrong with a file that is named as the database; one in the runs directory is a matter of that."""
    kind = network_file_system(file, mounts)
    if kind:
        message = f"SQLite on a network file system ({kind}) is not safe: {file}"
        return Finding(Level.ERROR, _NAME, message, SHARING_HINT)
    if not file.parent.is_dir():
        return Finding(
            Level.ERROR, _NAME, f"{file}: there is no such directory", f"mkdir -p {shlex.quote(str(file.parent))}"
        )
    obstacle = obstacle_to_writing(file.parent)
    return obstacle and Finding(Level.ERROR, _NAME, *obstacle)


def _revisions(view: DatabaseView) -> str:
    parts = [part for part in view.parts if part.condition in {Condition.OLD, Condition.NEW}]
    told = ", ".join(f"{part.name} {part.revision}, this program has {part.head}" for part in parts)
    return f" ({told})" if told else ""


def _remedy(url: sa.URL) -> str:
    """Return what to do about a database that cannot be used. The server's own words can be in any language."""
    if url.get_backend_name() == "sqlite":
        return f"see to it that {url.database} can be read and written, or name another with --database-url"
    host, port = url.host or str(url.query.get("host", "")), url.port or int(str(url.query.get("port", _PORT)))
    if _somebody_answers(host, port):
        return "its server is there: check user, password (or PGPASSWORD, ~/.pgpass) and name in the URL"
    if host in _LOCAL or host.startswith("/"):
        return "start its server (systemctl start postgresql), or name another with --database-url"
    return f"nobody answers at {host}:{port}: start its server there, or name another with --database-url"


def _somebody_answers(host: str, port: int) -> bool:
    try:
        if not host or host.startswith("/"):
            with socket.socket(socket.AF_UNIX) as local:
                local.settimeout(_KNOCK_SECONDS)
                local.connect(f"{host or '/var/run/postgresql'}/.s.PGSQL.{port}")
        else:
            socket.create_connection((host, port), _KNOCK_SECONDS).close()
    except OSError:
        return False
    return True
