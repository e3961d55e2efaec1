from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from supervisor.board.report import RunReport, SessionReport
from supervisor.model.states import ResultStatus, RunStatus, SessionStatus
from supervisor.store.databases import Databases
from supervisor.store.engine import transaction
from supervisor.store.results import PageTally, StoredDocument
from supervisor.store.tables import pages
from supervisor.supervision.outcome import Outcome, RunsFailedError
from supervisor.supervision.results import RunResult


def report(run_id: str, status: RunStatus, error: str | None = None, *documents: StoredDocument) -> RunReport:
    where = Path("/runs") / run_id
    return RunReport(run_id, status, 2, "c0ffee", error, 1.5, where, "sqlite://", documents, PageTally())


def document(path: str, status: ResultStatus | None, error: str | None = None) -> StoredDocument:
    return StoredDocument(path, "b10b", "letters", status, 2, error)


def outcome(*runs: RunReport, signal: int | None = None) -> Outcome:
    databases = Databases("sqlite:////nowhere/control.db", per_run=None)
    session = SessionReport("5e55", "night", SessionStatus.FAILED, runs)
    return Outcome(session, signal, [RunResult.of(run, 1, databases) for run in runs])


def test_runs_and_documents_are_found_by_name() -> None:
    torn = document("scans/b.png", ResultStatus.FAILED, "page 1: torn")
    letters = report("letters", RunStatus.FAILED, "1 of 2", document("scans/a.png", ResultStatus.SUCCEEDED), torn)
    ended = outcome(report("books", RunStatus.SUCCEEDED), letters)
    assert not ended.ok
    assert [run.run_id for run in ended.runs] == ["books", "letters"]
    assert [run.run_id for run in ended.failed] == ["letters"]
    run = ended["letters"]
    assert (run.ok, run.status, run.error, run.report) == (False, RunStatus.FAILED, "1 of 2", letters)
    assert run.output == Path("/runs/letters/output")
    assert [(one.path, one.ok) for one in run.documents.values()] == [("scans/a.png", True), ("scans/b.png", False)]
    assert [(one.path, one.error) for one in run.failed_documents] == [("scans/b.png", "page 1: torn")]
    with pytest.raises(KeyError, match="no run 'lettres' was named: books, letters"):
        ended["lettres"]
    with pytest.raises(KeyError, match=r"no document 'scans/c.png' \(did you mean 'scans/"):
        run["scans/c.png"]


def test_what_did_not_succeed_is_raised() -> None:
    fine = report("books", RunStatus.SUCCEEDED)
    assert outcome(fine).ok
    outcome(fine).raise_for_status()
    with pytest.raises(RunsFailedError) as caught:
        outcome(
            fine, report("letters", RunStatus.FAILED, "torn"), report("maps", RunStatus.CANCELLED)
        ).raise_for_status()
    assert caught.value.message == "2 of 3 runs did not succeed: letters failed (torn); maps cancelled"
    assert (caught.value.hint, caught.value.exit_code) == ("supervisor show letters", 1)
    with pytest.raises(RunsFailedError) as caught:
        outcome(fine, report("letters", RunStatus.QUEUED), signal=2).raise_for_status()
    assert caught.value.message == "stopped by SIGINT; 1 of 2 runs did not succeed: letters queued"
    assert caught.value.exit_code == 130
    with pytest.raises(RunsFailedError, match=r"^stopped by SIGTERM$"):
        outcome(fine, signal=15).raise_for_status()


def test_texts_are_read_from_the_database(engine: Engine, database_url: str) -> None:
    common = {"run": 7, "attempt": 2, "run_id": "letters", "duration_ms": 1, "master": b""}
    told = {"status": "succeeded", "source": "ocr", "low_confidence": 50.0, "weak_word_share": 0.0}
    rows = [
        {**common, **told, "document": "a", "page_number": 2, "text": "two", "word_count": 1, "mean_confidence": 60.0},
        {**common, **told, "document": "a", "page_number": 1, "text": "one", "word_count": 3, "mean_confidence": 80.0},
        {**common, **told, "document": "b", "page_number": 1, "text": "b", "word_count": 1, "mean_confidence": None},
        {**common, **told, "attempt": 1, "document": "a", "page_number": 3, "text": "old", "word_count": 1},
    ]
    with transaction(engine) as connection:
        for row in rows:
            connection.execute(sa.insert(pages), row)
    both = [document("a", ResultStatus.SUCCEEDED), document("b", ResultStatus.SUCCEEDED)]
    letters = report("letters", RunStatus.SUCCEEDED, None, *both)
    run = RunResult.of(letters, 7, Databases(database_url, per_run=None))
    assert run["a"].text == "one\ftwo"
    assert [(page.page_number, page.mean_confidence) for page in run["a"].pages] == [(1, 80.0), (2, 60.0)]
    assert run["a"].mean_confidence == 75.0
    assert run["b"].mean_confidence is None
