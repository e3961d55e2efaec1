"""How one session stands: everything that `supervisor status` tells of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from sqlalchemy.engine import Engine

from supervisor.board.entries import Entry, event_entry, run_entry, session_entry, worker_entry
from supervisor.board.overview import read_overview, read_runs
from supervisor.board.views import Overview, RunView, SessionView
from supervisor.clock import Clock
from supervisor.model.states import RunStatus
from supervisor.store import file_locks, naming, quality
from supervisor.store.databases import Databases
from supervisor.store.engine import snapshot
from supervisor.store.errors import DatabaseError
from supervisor.store.file_locks import FileLock
from supervisor.store.runs import RunHead

LISTED_FAILURES = 20


@dataclass(frozen=True)
class Failure:
    """A document that could not be read, or not all of whose pages could be."""

    run_id: str
    document: str
    error: str


@dataclass(frozen=True)
class Standing:
    """A session, its runs, and what surrounds them.

    Attributes:
        overview: With this session alone; workers are those of the repository.
        runs: Oldest first.
        failures: Of each run at most 20.
        locks: The files that the session has for itself.
        run_again: The newest attempts of runs that failed here, where other sessions have made newer ones.
    """

    overview: Overview
    session: SessionView
    runs: Sequence[RunView]
    failures: Sequence[Failure]
    locks: Sequence[FileLock]
    run_again: Sequence[RunHead] = ()

    def to_json(self) -> Entry:
        """Return its part of the `--json` document."""
        return {
            "at": self.overview.at.isoformat(),
            "session": session_entry(self.session),
            "runs": [run_entry(run) for run in self.runs],
            "failures": [vars(failure) for failure in self.failures],
            "run_again": [
                {"run_id": run.run_id, "session_id": run.session_id, "attempt": run.attempt, "status": run.status}
                for run in self.run_again
            ],
            "file_locks": [
                {"path": lock.path, "run_id": lock.run_id, "acquired_at": lock.acquired_at.isoformat()}
                for lock in self.locks
            ],
            "workers": [worker_entry(worker) for worker in self.overview.workers],
            "events": [event_entry(event) for event in self.overview.events],
        }


def read_standing(
    engine: Engine, databases: Databases, repository: str, session_id: str | None, *, clock: Clock
) -> Standing | None:
    """Read how a session stands.

    Args:
        engine: Of the control database.
        databases: Where results are.
        repository: Whose runs and workers they are.
        session_id: Which one; None for the latest, of those that have not ended if there are any.
        clock: The time, where the database has none of its own.

    Returns:
        None if there is no session.

    Raises:
        DatabaseError: The control database cannot be read.
    """
    overview = read_overview(engine, repository, clock=clock, session_id=session_id, sessions_limit=1)
    if not overview.sessions:
        return None
    session = overview.sessions[0]
    if session_id is None:
        # What happened is to be what happened in this one.
        return read_standing(engine, databases, repository, session.id, clock=clock)
    runs = read_runs(engine, repository, session.id)
    with snapshot(engine) as connection:
        locks = [lock for lock in file_locks.held(connection, repository) if lock.session_id == session.id]
        failed = {run.run_id: run.row for run in runs if run.status is RunStatus.FAILED}
        newest = naming.newest(connection, repository, failed)
    failures = [failure for run in runs if run.documents.failed for failure in _failures(databases, run)]
    run_again = [run for run in newest if run.id != failed[run.run_id]]
    return Standing(overview, session, runs, failures, locks, run_again)


def _failures(databases: Databases, run: RunView) -> list[Failure]:
    if not databases.has_results(run.run_id):
        return []
    try:
        store = databases.open_results(run.run_id)
        try:
            found = store.read(partial(quality.failures, run=run.row, attempt=run.attempt, limit=LISTED_FAILURES))
        finally:
            store.close()
    except DatabaseError as error:
        # How everything else stands can be told all the same.
        return [Failure(run.run_id, "?", error.message)]
    return [Failure(run.run_id, path, error) for path, error in found]
