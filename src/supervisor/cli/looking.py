"""What commands need that only look: where they are, and the control database if there is one."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import click
from sqlalchemy.engine import Engine

from supervisor.cli.options import Location
from supervisor.cli.settings import repository_name
from supervisor.supervision.place import Place


@dataclass(frozen=True)
class Look:
    """An open control database, and whose rows are meant.

    Attributes:
        repository: What the repository is known by.
    """

    place: Place
    repository: str
    engine: Engine


@contextmanager
def looking(ctx: click.Context, where: Location) -> Iterator[Look | None]:
    """Have the control database while the block runs; None where nothing was ever begun, and nothing is made then."""
    place = Place.find(where.repo, where.runs_dir, where.database_url)
    if not place.has_control:
        yield None
        return
    repository = place.identity(repository_name(ctx, place.repository))
    engine = place.open_control()
    try:
        yield Look(place, repository, engine)
    finally:
        engine.dispose()
