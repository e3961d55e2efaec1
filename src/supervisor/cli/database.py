"""`supervisor db`: whether the tables are those that this program needs, and making them so."""

import click

from supervisor.cli.options import Location, located
from supervisor.cli.output import print_json, print_note
from supervisor.errors import SurroundingsError
from supervisor.supervision.place import Place
from supervisor.supervision.upkeep import Condition, DatabaseView, look, upgrade

_ADVICE = {
    Condition.MISSING: "there are no tables yet (they come with the first run, or with: supervisor db upgrade)",
    Condition.OLD: "the tables are older than this program (they are upgraded by the next command that writes, "
    "or by: supervisor db upgrade)",
    Condition.NEW: "the tables are newer than this program (upgrade the program, or choose another database)",
}


@click.group()
def db() -> None:
    """Check or upgrade the tables of the database.

    \b
      supervisor db check                                 control.db
      supervisor db upgrade --database-url postgresql://…
    """  # noqa: D301 (click wants the character, to leave the lines below it as they are)


@db.command()
@located
def check(*, where: Location) -> int:
    """Tell whether the tables are up to date: exit 0, else 4. Nothing is made or changed."""
    view = look(Place.find(where.repo, where.runs_dir, where.database_url))
    code = 0 if view.worst is Condition.CURRENT else SurroundingsError.exit_code
    _print(where, view, code)
    if view.worst is not Condition.CURRENT:
        print_note(f"supervisor: {_ADVICE[view.worst]}")
    return code


@db.command("upgrade")
@located
def upgrade_tables(*, where: Location) -> int:
    """Make the tables, or bring them up to date."""
    _print(where, upgrade(Place.find(where.repo, where.runs_dir, where.database_url)), 0)
    return 0


def _print(where: Location, view: DatabaseView, code: int) -> None:
    if where.as_json:
        print_json(_document(view, code))
        return
    click.echo(view.url)
    for part in view.parts:
        known = f" (this program knows {part.head})" if part.condition in {Condition.OLD, Condition.NEW} else ""
        click.echo(f"  {part.name:<7}  {part.condition:<7}  revision {part.revision or 'none'}{known}")


def _document(view: DatabaseView, code: int) -> dict[str, object]:
    parts = [
        {"name": part.name, "revision": part.revision, "head": part.head, "state": part.condition}
        for part in view.parts
    ]
    return {"schema": "supervisor.db/1", "database": view.url, "parts": parts, "exit_code": code}
