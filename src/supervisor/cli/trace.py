"""`supervisor trace`: where the time of a session went, as a picture or for a viewer."""

from pathlib import Path

import click

from supervisor.board.timeline.chrome import chrome_trace
from supervisor.board.timeline.figures import figures
from supervisor.board.timeline.model import Timeline
from supervisor.board.timeline.picture import svg_picture
from supervisor.board.timeline.reading import read_timeline
from supervisor.cli.names import session_names
from supervisor.cli.options import Location, located
from supervisor.cli.output import json_text, print_json
from supervisor.cli.settings import repository_name
from supervisor.clock import SystemClock
from supervisor.errors import UsageError
from supervisor.model.paths import printable
from supervisor.supervision.control.selection import find_session, unknown_name
from supervisor.supervision.place import Place


@click.group()
def trace() -> None:
    """See who executed what and when, and where the time went.

    \b
      supervisor trace export Night --format svg > night.svg
    """  # noqa: D301 (click wants the character, to leave the lines below it as they are)


@trace.command(short_help="Draw a session, or write it for a viewer.")
@click.argument("session", metavar="SESSION", shell_complete=session_names)
@click.option(
    "--format",
    "form",
    type=click.Choice(["svg", "chrome"]),
    default="svg",
    show_default=True,
    help="A picture, or JSON for ui.perfetto.dev.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Where it goes, in place of standard output.",
)
@located
@click.pass_context
def export(ctx: click.Context, /, *, where: Location, session: str, form: str, output: Path | None) -> int:
    """Draw a session: a row for each worker, its runs as bars, beneath them the pages of its page processes.

    A session is named by its id or title, or the beginning of either. The picture is an SVG file, which browsers show
    and which tells more of whatever the mouse points at. `--format chrome` writes the same for ui.perfetto.dev and
    about:tracing, where one can look closer. With `--json` standard output gets what it adds up to.

    \b
      supervisor trace export Night -o night.svg
      supervisor trace export b28e --format chrome -o night.json
      supervisor trace export Night --json
    """  # noqa: D301 (click wants the character, to leave the lines below it as they are)
    place = Place.find(where.repo, where.runs_dir, where.database_url)
    if not place.has_control:
        raise unknown_name(session, what="session")
    engine = place.databases.open_control()
    try:
        found = find_session(engine, place.identity(repository_name(ctx, place.repository)), session)
        timeline = read_timeline(engine, place.runs_directory, found.id, SystemClock())
    finally:
        engine.dispose()
    if output is not None:
        # First: if that fails, what is printed is the one document that says so.
        _write(output, _drawn(timeline, form))
    if where.as_json:
        print_json(figures(timeline, form=form, output=output))
    elif output is None:
        click.echo(_drawn(timeline, form), nl=False)
    return 0


def _drawn(timeline: Timeline, form: str) -> str:
    return svg_picture(timeline) if form == "svg" else json_text(chrome_trace(timeline)) + "\n"


def _write(file: Path, content: str) -> None:
    try:
        file.write_text(content, encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError, PermissionError) as error:
        hint = "make its directory, or name another file with --output"
        raise UsageError(f"{printable(str(file))} cannot be written: {error.strerror}", hint=hint) from error
