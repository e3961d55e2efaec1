import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy.engine import Engine

from supervisor.artifacts.layout import RunsDirectory
from supervisor.board.progress import RunProgress, counted
from supervisor.board.report import SCHEMA, manifest, report_run, report_session
from supervisor.model.states import ResultStatus, RunStatus, SessionStatus
from supervisor.store import runs, sessions
from supervisor.store.engine import DatabaseError, sqlite_url, transaction
from supervisor.store.results import AttemptKey, ResultStore, StoredDocument, StoredPage
from supervisor.store.runs import RunRow

AT = datetime(2026, 5, 1, 12, tzinfo=UTC)
PAGE = StoredPage("a.tiff", 1, ResultStatus.SUCCEEDED, "ocr", "text", 90.0, 80.0, 0.0, 4, 700, None, "tsv")


@pytest.fixture
def directory(tmp_path: Path) -> RunsDirectory:
    return RunsDirectory(tmp_path / "runs")


@pytest.fixture
def make_run(engine: Engine) -> Callable[[str], RunRow]:
    """Make a run that is executing since `AT`, all in one session."""
    with transaction(engine) as connection:
        sessions.add(connection, "s", "Letters of 1911", at=AT)

    def make(run_id: str) -> RunRow:
        spec = {"job_files": ["ocr-jobs/a.toml"]}
        new = runs.NewRun(run_id, "s", "c0ffee", "repo", spec, requested_by="anna", served_by="one")
        with transaction(engine) as connection:
            row = runs.claim(connection, "w", [runs.add(connection, new, at=AT)], at=AT)
        assert row is not None
        return row

    return make


def end(engine: Engine, row: RunRow, status: RunStatus, *, error: str | None = None, seconds: float = 2.5) -> RunRow:
    now = AT + timedelta(seconds=seconds)
    with transaction(engine) as connection:
        values = {"finished_at": now, "error": error}
        assert runs.transition(connection, row, status, at=now, actor="x", event=status, values=values)
        sessions.conclude(connection, "s", at=now)
        return runs.get(connection, row.id)


def store_results(directory: RunsDirectory, row: RunRow) -> None:
    directory.run(row.run_id).root.mkdir(parents=True)
    store = ResultStore(sqlite_url(directory.run(row.run_id).database))
    key = AttemptKey(row.id, row.run_id, row.attempt, row.lease_term)
    store.take_over(key, row.owner)
    store.begin(key, [StoredDocument(path, "b10b", "books", None, None, None) for path in ("a.tiff", "b.png", "c.pdf")])
    store.store_page(key, PAGE)
    store.store_page(key, replace(PAGE, page_number=2, source="text_layer"))
    store.store_page(key, replace(PAGE, page_number=3, status=ResultStatus.FAILED, source=None, error="too dark"))
    store.finish_document(key, "a.tiff", ResultStatus.SUCCEEDED, 3, None)
    store.finish_document(key, "b.png", ResultStatus.FAILED, None, "it is a text file")
    another = replace(key, attempt=row.attempt + 1)
    store.take_over(another, "somebody else")
    store.begin(another, [StoredDocument("other.png", "b10b", "books", None, None, None)])
    store.store_page(another, replace(PAGE, document="other.png"))
    store.close()


def test_a_session_report_is_the_json_that_was_promised(
    engine: Engine, directory: RunsDirectory, make_run: Callable[[str], RunRow]
) -> None:
    first, second = make_run("letters"), make_run("books")
    store_results(directory, first)
    end(engine, first, RunStatus.FAILED, error="1 of 3 documents failed: b.png")
    end(engine, second, RunStatus.SUCCEEDED)
    report = report_session(engine, directory, "s", [second.id, first.id])
    assert (report.session_id, report.title, report.status) == ("s", "Letters of 1911", SessionStatus.FAILED)
    assert report.exit_code == 1
    assert [run.run_id for run in report.runs] == ["books", "letters"]
    printed = json.loads(json.dumps(report.to_json(report.exit_code)))
    assert printed["runs"].pop(0)["documents"] == {"total": 0, "succeeded": 0, "failed": 0}
    assert printed == {
        "schema": SCHEMA,
        "session": {"id": "s", "title": "Letters of 1911", "status": "failed"},
        "runs": [
            {
                "run_id": "letters",
                "status": "failed",
                "attempt": 1,
                "commit": "c0ffee",
                "error": "1 of 3 documents failed: b.png",
                "seconds": 2.5,
                "artifacts": str(directory.root / "letters"),
                "database": sqlite_url(directory.root / "letters" / "letters.db"),
                "documents": {"total": 3, "succeeded": 1, "failed": 1},
                "pages": {"total": 3, "ocr": 1, "text_layer": 1, "cache": 0, "blank": 0, "failed": 1},
            }
        ],
        "exit_code": 1,
    }
    assert [document.path for document in report.runs[1].failed_documents] == ["b.png"]


@pytest.mark.parametrize(
    ("ends", "exit_code"),
    [
        ((RunStatus.SUCCEEDED, RunStatus.SUCCEEDED), 0),
        ((RunStatus.SUCCEEDED, RunStatus.CANCELLED), 1),
        ((RunStatus.SUCCEEDED, RunStatus.FAILED), 1),
        ((RunStatus.SUCCEEDED, RunStatus.QUEUED), 1),
    ],
)
def test_the_exit_code_is_zero_if_every_run_succeeded(
    engine: Engine,
    directory: RunsDirectory,
    make_run: Callable[[str], RunRow],
    *,
    ends: tuple[RunStatus, RunStatus],
    exit_code: int,
) -> None:
    rows = [end(engine, make_run(name), status) for name, status in zip("ab", ends, strict=True)]
    assert report_session(engine, directory, "s", [row.id for row in rows]).exit_code == exit_code


def test_a_run_that_goes_on_has_no_duration(directory: RunsDirectory, make_run: Callable[[str], RunRow]) -> None:
    report = report_run(directory, make_run("letters"))
    assert (report.seconds, report.status, list(report.documents)) == (None, RunStatus.RUNNING, [])
    assert not directory.run("letters").root.exists(), "looking made something"


def test_the_manifest_tells_of_each_document(
    engine: Engine, directory: RunsDirectory, make_run: Callable[[str], RunRow]
) -> None:
    row = make_run("letters")
    store_results(directory, row)
    row = end(engine, row, RunStatus.FAILED)
    written = json.loads(json.dumps(manifest(report_run(directory, row), row)))
    assert written["schema"] == "supervisor.run/1"
    assert (written["lease_term"], written["repository"], written["job_files"]) == (1, "repo", ["ocr-jobs/a.toml"])
    assert (written["started_at"], written["finished_at"]) == (
        "2026-05-01T12:00:00+00:00",
        "2026-05-01T12:00:02.500000+00:00",
    )
    assert [(one["path"], one["status"], one["error"]) for one in written["results"]] == [
        ("a.tiff", "succeeded", None),
        ("b.png", "failed", "it is a text file"),
        ("c.pdf", None, None),
    ]


def test_progress_begins_with_nothing_done() -> None:
    progress = RunProgress("letters", RunStatus.QUEUED, "queued", documents=3)
    assert (progress.documents_opened, progress.pages_done, progress.seconds, progress.error) == (0, 0, None, None)


def test_counting_in_words() -> None:
    assert [counted(number, "page") for number in (0, 1, 2)] == ["0 pages", "1 page", "2 pages"]


def test_the_duration_is_that_of_the_latest_claim(
    engine: Engine, directory: RunsDirectory, make_run: Callable[[str], RunRow]
) -> None:
    row = end(engine, make_run("a"), RunStatus.QUEUED)
    with transaction(engine) as connection:
        again = runs.claim(connection, "w", [row.id], at=AT + timedelta(hours=1))
    assert again is not None
    assert report_run(directory, end(engine, again, RunStatus.SUCCEEDED, seconds=3604)).seconds == 4


def test_a_damaged_database_is_an_error_unless_the_run_failed_of_it(
    engine: Engine, directory: RunsDirectory, make_run: Callable[[str], RunRow]
) -> None:
    row = make_run("a")
    directory.run("a").root.mkdir(parents=True)
    directory.run("a").database.write_bytes(b"damaged" * 1000)
    with pytest.raises(DatabaseError):
        report_run(directory, row)
    assert list(report_run(directory, end(engine, row, RunStatus.FAILED)).documents) == []
