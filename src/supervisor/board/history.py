"""The story of a run: how its newest row stands, and everything that ever happened to it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from sqlalchemy.engine import Engine

from supervisor.artifacts.layout import RunsDirectory
from supervisor.board.report import RunReport, job_files, report_run
from supervisor.board.stored import from_results
from supervisor.model.states import RunStatus
from supervisor.store import events, runs, sessions
from supervisor.store.databases import Databases
from supervisor.store.engine import snapshot
from supervisor.store.events import Event
from supervisor.store.quality import DocumentQuality, PageQuality, rated_documents, weakest_pages
from supervisor.store.runs import RunRow
from supervisor.store.sessions import SessionRow

SCHEMA = "supervisor.run-history/1"


@dataclass(frozen=True)
class RunHistory:
    """How a run stands, and how it came to that.

    Attributes:
        documents: Of its attempt; failed ones first, then the least trusted.
        pages: Of its attempt, in the same order; not all, if only some were asked for.
        events: Oldest first.
        staged: What there is of a run that was cancelled before its files were published; None if there is nothing.
    """

    row: RunRow
    session: SessionRow
    report: RunReport
    documents: Sequence[DocumentQuality]
    pages: Sequence[PageQuality]
    events: Sequence[Event]
    staged: Path | None

    def to_json(self) -> dict[str, object]:
        """Return the `--json` document."""
        row = self.row
        times = {
            name: moment.isoformat() if moment else None
            for name, moment in (
                ("created_at", row.created_at),
                ("available_at", row.available_at),
                ("claimed_at", row.claimed_at),
                ("heartbeat_at", row.heartbeat_at),
                ("started_at", row.started_at),
                ("finished_at", row.finished_at),
                ("settled_at", row.settled_at),
            )
        }
        run = {
            **self.report.to_json(),
            "session": {"id": self.session.id, "title": self.session.title, "status": self.session.status},
            "lane": row.lane,
            "priority": row.priority,
            "lease_term": row.lease_term,
            "retry_count": row.retry_count,
            "max_retries": row.max_retries,
            "rescue_count": row.rescue_count,
            "timeout_seconds": row.timeout_seconds,
            "worker": row.claimed_by,
            "repository": row.repository,
            "job_files": job_files(row),
            "staged": None if self.staged is None else str(self.staged),
            **times,
        }
        return {
            "schema": SCHEMA,
            "run": run,
            "documents": [asdict(document) for document in self.documents],
            "pages": [asdict(page) for page in self.pages],
            "events": [_entry(event) for event in self.events],
        }


def read_history(
    engine: Engine, databases: Databases, directory: RunsDirectory, run: int, *, pages_limit: int | None = 0
) -> RunHistory:
    """Read the story of a row of `runs`, with at most so many of its pages; None is all of them."""
    with snapshot(engine) as connection:
        row = runs.get(connection, run)
        session = sessions.get(connection, row.session_id)
        happened = events.history(connection, row.id)
    staged = directory.run(row.run_id).staging(row.lease_term) / "output"
    is_left = row.status is RunStatus.CANCELLED and staged.is_dir() and any(staged.iterdir())
    unread: tuple[list[DocumentQuality], list[PageQuality]] = ([], [])
    documents, pages = from_results(
        databases,
        row,
        lambda store: store.read(
            lambda connection: (
                rated_documents(connection, row.id, row.attempt),
                weakest_pages(connection, row.id, row.attempt, pages_limit),
            )
        ),
        nothing=unread,
    )
    return RunHistory(
        row=row,
        session=session,
        report=report_run(databases, directory, row, happened),
        documents=documents,
        pages=pages,
        events=happened,
        staged=staged if is_left else None,
    )


def reason(event: Event) -> str:
    """Return why something happened, or what came of it, in words; empty if the event says it all."""
    detail = event.detail
    why = str(detail.get("reason", ""))
    match event.event:
        case "queued":
            lane = f", lane {detail['lane']}" if detail.get("lane") else ""
            commit = str(detail.get("commit"))[:12]
            return f"attempt {event.attempt} at commit {commit}, priority {detail.get('priority')}{lane}"
        case "claimed":
            facts = f"attempt {event.attempt}, lease term {event.lease_term}"
            return f"{why} ({facts})" if why else facts
        case "retrying":
            return f"{why}; attempt {event.attempt} is next"
        case "continued" if detail.get("to"):
            return f"{why}, for {detail['to']}"
        case "moved":
            return f"from session {detail.get('from_session')} to {detail.get('to_session')}"
        case _:
            return why


def _entry(event: Event) -> Mapping[str, object]:
    return {
        "at": event.at.isoformat(),
        "actor": event.actor,
        "event": event.event,
        "from_status": event.from_status,
        "to_status": event.to_status,
        "attempt": event.attempt,
        "lease_term": event.lease_term,
        "reason": reason(event) or None,
        "detail": event.detail,
    }
