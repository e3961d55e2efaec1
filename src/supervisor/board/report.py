"""What became of a session's runs, read from the databases; `--json` prints it, tables show it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from sqlalchemy.engine import Engine

from supervisor.artifacts.layout import RunsDirectory
from supervisor.board.spending import spent
from supervisor.board.stored import from_results
from supervisor.model.intents import Intent
from supervisor.model.resources import Resources
from supervisor.model.states import ResultStatus, RunStatus, SessionStatus
from supervisor.store import events, intents, runs, sessions
from supervisor.store.databases import Databases
from supervisor.store.engine import transaction
from supervisor.store.events import Event
from supervisor.store.results import PageTally, StoredDocument
from supervisor.store.runs import RunRow
from supervisor.store.urls import shown_url

SCHEMA = "supervisor.session-report/1"
_NO_PAGES = PageTally()


@dataclass(frozen=True)
class RunReport:
    """How one run stands.

    Attributes:
        seconds: From its latest claim to its end; None while it has not ended.
        artifacts: Its directory, absolute.
        database: URL without a password.
        resume: If it is paused, what to name to `supervisor resume`: the run, or its session.
        resources: What the ended terms of its attempt have cost; None before the first has ended.
        paused_by: If it is paused, why, in words.
    """

    run_id: str
    status: RunStatus
    attempt: int
    commit: str
    error: str | None
    seconds: float | None
    artifacts: Path
    database: str
    documents: Sequence[StoredDocument]
    pages: PageTally
    resume: str | None = None
    resources: Resources | None = None
    paused_by: str | None = None

    @property
    def failed_documents(self) -> list[StoredDocument]:
        """The documents that could not be read, or not all of whose pages could be."""
        return [document for document in self.documents if document.status == ResultStatus.FAILED]

    def to_json(self) -> dict[str, object]:
        """Return the run's part of the `--json` report."""
        succeeded = sum(document.status == ResultStatus.SUCCEEDED for document in self.documents)
        pages = self.pages.by_source()
        return {
            "run_id": self.run_id,
            "status": self.status,
            "attempt": self.attempt,
            "commit": self.commit,
            "error": self.error,
            "seconds": self.seconds,
            "artifacts": str(self.artifacts),
            "database": self.database,
            "documents": {
                "total": len(self.documents),
                "succeeded": succeeded,
                "failed": len(self.failed_documents),
            },
            "pages": {
                "total": self.pages.total,
                **{name: pages[name] for name in ("ocr", "text_layer", "cache", "blank", "failed")},
                "weak": self.pages.weak,
                "because": self.pages.because,
            },
            "resources": None if self.resources is None else self.resources.to_json(),
        }


@dataclass(frozen=True)
class SessionReport:
    """How a session and the runs that a command named stand."""

    session_id: str
    title: str
    status: SessionStatus
    runs: Sequence[RunReport]

    @property
    def exit_code(self) -> int:
        """0 if every run succeeded, else 1."""
        return 0 if all(run.status is RunStatus.SUCCEEDED for run in self.runs) else 1

    def to_json(self, exit_code: int) -> dict[str, object]:
        """Return the `--json` report."""
        return {
            "schema": SCHEMA,
            "session": {"id": self.session_id, "title": self.title, "status": self.status},
            "runs": [run.to_json() for run in self.runs],
            "exit_code": exit_code,
        }


def report_session(
    engine: Engine, databases: Databases, directory: RunsDirectory, session_id: str, rows: Sequence[int]
) -> SessionReport:
    """Read how a session and some of its runs stand; the runs come in the order in which they are named."""
    with transaction(engine) as connection:
        session = sessions.get(connection, session_id)
    return SessionReport(session.id, session.title, session.status, report_runs(engine, databases, directory, rows))


def report_runs(engine: Engine, databases: Databases, directory: RunsDirectory, rows: Sequence[int]) -> list[RunReport]:
    """Read how some runs stand, in the order in which they are named."""
    with transaction(engine) as connection:
        found = {row.id: row for row in runs.of_rows(connection, rows)}
        paused = intents.paused(connection, rows)
        because = {row: intents.reason(connection, row, Intent.PAUSE) for row in paused}
        happened = events.histories(connection, rows)
    reports = (report_run(databases, directory, found[row], happened[row]) for row in rows)
    return [
        replace(report, resume=paused.get(row), paused_by=because.get(row))
        for row, report in zip(rows, reports, strict=True)
    ]


def report_run(
    databases: Databases, directory: RunsDirectory, row: RunRow, happened: Sequence[Event] = ()
) -> RunReport:
    """Read how one run stands.

    Args:
        databases: Where its results are.
        directory: Where its files are.
        row: The run.
        happened: Its history, which tells what it has cost.
    """
    unread: tuple[list[StoredDocument], PageTally] = ([], _NO_PAGES)
    documents, pages = from_results(
        databases,
        row,
        lambda store: (store.documents(row.id, row.attempt), store.tally(row.id, row.attempt)),
        nothing=unread,
    )
    seconds = (row.finished_at - row.claimed_at).total_seconds() if row.finished_at and row.claimed_at else None
    return RunReport(
        run_id=row.run_id,
        status=row.status,
        attempt=row.attempt,
        commit=row.commit_sha,
        error=row.error,
        seconds=None if seconds is None else round(seconds, 3),
        artifacts=directory.run(row.run_id).root,
        database=shown_url(databases.results_url(row.run_id)),
        documents=documents,
        pages=pages,
        resources=spent(happened, row.attempt),
    )


def job_files(row: RunRow) -> object:
    """Return the job files of a run; none if its spec, which another program may have written, has none."""
    return row.spec.get("job_files", []) if isinstance(row.spec, Mapping) else []


def manifest(report: RunReport, row: RunRow) -> dict[str, object]:
    """Return what `run.json` holds: the run's report, and its documents one by one."""
    return {
        "schema": "supervisor.run/1",
        **report.to_json(),
        "lease_term": row.lease_term,
        "repository": row.repository,
        "job_files": job_files(row),
        "started_at": row.started_at.isoformat() if row.started_at else None,
        "finished_at": row.finished_at.isoformat() if row.finished_at else None,
        "results": [asdict(document) for document in report.documents],
    }
