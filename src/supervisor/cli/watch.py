"""`supervisor start --watch`: the dashboard of one session, until that has ended."""

import shlex
import signal
from collections.abc import Sequence
from typing import Any

import click

from supervisor.board.report import SessionReport, report_session
from supervisor.cli.options import Location, typed_location
from supervisor.cli.output import print_json, print_note
from supervisor.cli.reports.closing import print_runs
from supervisor.clock import SystemClock
from supervisor.dashboard.config import DashboardConfig
from supervisor.dashboard.live import LiveDashboard
from supervisor.dashboard.runs.progress import PlainLines, ProgressView
from supervisor.dashboard.terminal import StandardError
from supervisor.dashboard.watched import WatchedRuns
from supervisor.model.states import ENDED_SESSIONS
from supervisor.supervision.place import Place

# A log is read later: nobody wants a picture a second there.
REFRESH_SECONDS, REFRESH_SECONDS_IN_LOGS = 1.0, 10.0


def view_of_watched(where: Location, settings: dict[str, Any]) -> ProgressView:
    """Return what shows the session of runs that are executed here; elsewhere than on a terminal, lines as ever."""
    console = StandardError()
    plain = PlainLines(console, SystemClock(), verbose=settings["verbose"])
    if not console.is_screen:
        return plain
    place = Place.find(where.repo, where.runs_dir, where.database_url)
    return WatchedRuns(console, place, place.identity(settings.get("repository")), plain)


def watch_session(ctx: click.Context, where: Location, settings: dict[str, Any], session_id: str) -> int:
    """Show a session that others execute, until it has ended or somebody leaves; report, and return the exit code."""
    console = StandardError()
    rate = REFRESH_SECONDS if console.is_screen else REFRESH_SECONDS_IN_LOGS
    place = Place.find(where.repo, where.runs_dir, where.database_url)
    board = LiveDashboard(
        place,
        repository_name=settings.get("repository"),
        config=DashboardConfig(refresh_rate=rate),
        session=session_id,
        console=console,
    )
    stopped = board.start_live(until_ended=True)
    sight = board.look()
    report = _report(place, session_id, [run.row for run in sight.runs or ()])
    has_ended = all(session.status in ENDED_SESSIONS for session in sight.overview.sessions)
    code = report.exit_code if has_ended else 0
    if stopped is not None and stopped is not signal.SIGINT:
        code = 128 + stopped
    if where.as_json:
        print_json(report.to_json(code))
    elif has_ended:
        print_runs(ctx, report.runs, go_on="work")
    else:
        again = shlex.join(["supervisor", "dashboard", "--session", session_id, *typed_location(ctx)])
        print_note(f"session {session_id} goes on; to watch it again: {again}")
    return code


def _report(place: Place, session_id: str, rows: Sequence[int]) -> SessionReport:
    engine = place.open_control()
    try:
        return report_session(engine, place.databases, place.runs_directory, session_id, rows)
    finally:
        engine.dispose()
