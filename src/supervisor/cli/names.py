"""Names of runs and sessions as arguments: what a shell offers for them, from the database."""

import threading
from collections.abc import Callable, Sequence

import click
from sqlalchemy.engine import Connection

from supervisor.cli.options import location
from supervisor.cli.settings import repository_name
from supervisor.store import naming, runs
from supervisor.store.engine import open_engine, snapshot
from supervisor.supervision.place import Place

# A shell waits for as long, and the person for the shell.
_LONGEST_SECONDS = 2


def run_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:  # noqa: ARG001 (given)
    """Offer the ids of runs."""
    return _begun(ctx, incomplete, runs.run_ids)


def session_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:  # noqa: ARG001 (given)
    """Offer the titles of sessions, and the ids of those whose id begins as what was typed."""
    return _begun(ctx, incomplete, lambda connection, repository: _of_sessions(connection, repository, incomplete))


def all_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Offer runs, then sessions."""
    return list(dict.fromkeys([*run_names(ctx, param, incomplete), *session_names(ctx, param, incomplete)]))


def _of_sessions(connection: Connection, repository: str, incomplete: str) -> list[str]:
    ids = [session.id for session in naming.sessions_named(connection, repository, incomplete)] if incomplete else []
    return [*naming.titles(connection, repository), *ids]


def _begun(ctx: click.Context, incomplete: str, ask: Callable[[Connection, str], Sequence[str]]) -> list[str]:
    """Return what the database answers, of it what begins so; nothing if that takes long."""
    where = location(ctx)
    place = Place.find(where.repo, where.runs_dir, where.database_url)
    if not place.has_control:
        return []
    repository = place.identity(repository_name(ctx, place.repository))
    found: list[str] = []

    def look() -> None:
        # Tables that are missing or old are left as they are: nothing was started yet that needs them.
        engine = open_engine(place.databases.control_url, connections=1)
        with snapshot(engine) as connection:
            found.extend(ask(connection, repository))

    asking = threading.Thread(target=look, daemon=True)
    asking.start()
    asking.join(_LONGEST_SECONDS)
    # Shells take one name a line; a title of several lines, or one that would draw on the terminal, goes by its id.
    return [name for name in found if name.startswith(incomplete) and name.isprintable()]
