import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import cast

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from supervisor.artifacts.layout import RunsDirectory
from supervisor.board.progress import RunProgress, counted
from supervisor.board.report import SCHEMA, manifest, report_run, report_runs, report_session
from supervisor.model.states import ResultStatus, RunStatus, SessionStatus
from supervisor.store import runs, sessions
from supervisor.store.databases import Databases
from supervisor.store.engine import transaction
from supervisor.store.errors import DatabaseError, DatabaseUnavailable
from supervisor.store.results import AttemptKey, ResultStore, StoredDocument, StoredPage
from supervisor.store.runs import RunRow
from supervisor.store.tables import runs as table
from supervisor.store.urls import shown_url, sqlite_url
from support.postgres import PostgresServer
from support.schemas import check_document

PAGE = StoredPage(
    "a.tiff", 1, ResultStatus.SUCCEEDED, "ocr", "text", 70.0, 50.0, 0.25, 4, 700, None, "k3y", "new", "hocr"
)
Begin = Callable[[RunRow], tuple[ResultStore, AttemptKey]]
MakeRun = Callable[[str], RunRow]


def end(engine: Engine, row: RunRow, status: RunStatus, *, error: str | None = None, seconds: float = 2.5) -> RunRow:
    """End a run so long after its claim."""
    assert row.claimed_at is not None
    now = row.claimed_at + timedelta(seconds=seconds)
    with transaction(engine) as connection:
        values = {"finished_at": now, "error": error}
        assert runs.transition(connection, row, status, at=now, actor="x", event=status, values=values)
        sessions.conclude(connection, "s", at=now)
        return runs.get(connection, row.id)


def store_results(begin: Begin, row: RunRow) -> None:
    store, key = begin(row)
    failed = replace(PAGE, status=ResultStatus.FAILED, weak_word_share=None)
    store.begin(key, [StoredDocument(path, "b10b", "books", None, None, None) for path in ("a.tiff", "b.png", "c.pdf")])
    store.store(
        key,
        [
            PAGE,
            replace(PAGE, page_number=2, source="text_layer", weak_word_share=None, because=None),
            replace(failed, page_number=3, source=None, because=None, error="too dark"),
        ],
        [
            StoredDocument("a.tiff", "b10b", "books", ResultStatus.SUCCEEDED, 3, None),
            StoredDocument("b.png", "b10b", "books", ResultStatus.FAILED, None, "it is a text file"),
        ],
    )
    another = replace(key, attempt=row.attempt + 1)
    store.take_over(another, "somebody else")
    store.begin(another, [StoredDocument("other.png", "b10b", "books", None, None, None)])
    store.store(another, [replace(PAGE, document="other.png")], [])
    store.close()


def test_a_session_report_is_the_json_that_was_promised(
    engine: Engine, databases: Databases, directory: RunsDirectory, make_run: MakeRun, *, begin: Begin
) -> None:
    first, second = make_run("letters"), make_run("books")
    store_results(begin, first)
    end(engine, first, RunStatus.FAILED, error="1 of 3 documents failed: b.png")
    end(engine, second, RunStatus.SUCCEEDED)
    report = report_session(engine, databases, directory, "s", [second.id, first.id])
    assert (report.session_id, report.title, report.status) == ("s", "Letters of 1911", SessionStatus.FAILED)
    assert report.exit_code == 1
    assert [run.run_id for run in report.runs] == ["books", "letters"]
    printed = json.loads(json.dumps(report.to_json(report.exit_code)))
    check_document(printed)
    assert printed["runs"].pop(0)["documents"] == {"total": 0, "succeeded": 0, "failed": 0}
    own_database = sqlite_url(directory.root / "letters" / "letters.db")
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
                "database": shown_url(databases.control_url) if databases.shared else own_database,
                "documents": {"total": 3, "succeeded": 1, "failed": 1},
                "pages": {
                    "total": 3,
                    "ocr": 1,
                    "text_layer": 1,
                    "cache": 0,
                    "blank": 0,
                    "failed": 1,
                    "weak": 1,
                    "because": {"new": 1},
                },
                "resources": None,
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
    databases: Databases,
    directory: RunsDirectory,
    make_run: MakeRun,
    *,
    ends: tuple[RunStatus, RunStatus],
    exit_code: int,
) -> None:
    rows = [make_run(name) for name in "ab"]
    for row, status in zip(rows, ends, strict=True):
        end(engine, row, status)
    assert report_session(engine, databases, directory, "s", [row.id for row in rows]).exit_code == exit_code


def test_a_run_that_goes_on_has_no_duration(databases: Databases, directory: RunsDirectory, make_run: MakeRun) -> None:
    report = report_run(databases, directory, make_run("letters"))
    assert (report.seconds, report.status, list(report.documents)) == (None, RunStatus.RUNNING, [])
    assert not directory.run("letters").root.exists(), "looking made something"


def test_runs_come_in_the_order_in_which_they_are_named(
    engine: Engine, databases: Databases, directory: RunsDirectory, make_run: MakeRun
) -> None:
    rows = {name: make_run(name).id for name in "abc"}
    named = [rows["b"], rows["c"], rows["a"]]
    assert [run.run_id for run in report_runs(engine, databases, directory, named)] == ["b", "c", "a"]


def test_the_manifest_tells_of_each_document(
    engine: Engine, databases: Databases, directory: RunsDirectory, make_run: MakeRun, *, begin: Begin
) -> None:
    row = make_run("letters")
    store_results(begin, row)
    row = end(engine, row, RunStatus.FAILED)
    assert row.started_at is not None
    written = json.loads(json.dumps(manifest(report_run(databases, directory, row), row)))
    assert written["schema"] == "supervisor.run/1"
    check_document(written)
    assert (written["lease_term"], written["repository"], written["job_files"]) == (1, "repo", ["ocr-jobs/a.toml"])
    assert (written["started_at"], written["finished_at"]) == (
        row.started_at.isoformat(),
        (row.started_at + timedelta(seconds=2.5)).isoformat(),
    )
    assert [(one["path"], one["status"], one["error"]) for one in written["results"]] == [
        ("a.tiff", "succeeded", None),
        ("b.png", "failed", "it is a text file"),
        ("c.pdf", None, None),
    ]


def test_progress_begins_with_nothing_done() -> None:
    progress = RunProgress("letters", RunStatus.QUEUED, "queued", documents=3)
    assert (progress.documents_opened, progress.pages_finished, progress.ended, progress.error) == (0, 0, (), None)


def test_counting_in_words() -> None:
    assert [counted(number, "page") for number in (0, 1, 2)] == ["0 pages", "1 page", "2 pages"]


def test_the_duration_is_that_of_the_latest_claim(
    engine: Engine, databases: Databases, directory: RunsDirectory, make_run: MakeRun, *, claim: Callable[[], RunRow]
) -> None:
    first = make_run("a")
    assert first.claimed_at is not None
    an_hour_before = first.claimed_at - timedelta(hours=1)
    with transaction(engine) as connection:
        connection.execute(sa.update(table).values(claimed_at=an_hour_before, started_at=an_hour_before))
    end(engine, first, RunStatus.QUEUED)
    again = end(engine, claim(), RunStatus.SUCCEEDED, seconds=4)
    assert again.started_at == an_hour_before
    assert report_run(databases, directory, again).seconds == 4


def test_a_damaged_database_is_an_error_unless_the_run_failed_of_it(
    engine: Engine, database_url: str, directory: RunsDirectory, make_run: MakeRun
) -> None:
    databases = Databases(database_url, per_run=lambda run_id: directory.run(run_id).database)
    row = make_run("a")
    directory.run("a").root.mkdir(parents=True)
    directory.run("a").database.write_bytes(b"damaged" * 1000)
    with pytest.raises(DatabaseError):
        report_run(databases, directory, row)
    assert list(report_run(databases, directory, end(engine, row, RunStatus.FAILED)).documents) == []


def test_a_database_that_is_away_is_not_taken_for_one_without_results(
    engine: Engine, directory: RunsDirectory, make_run: MakeRun
) -> None:
    row = end(engine, make_run("a"), RunStatus.FAILED)
    with pytest.raises(DatabaseUnavailable):
        report_run(Databases("postgres://anna@127.0.0.1:1/ocr", per_run=None), directory, row)


def test_the_job_files_of_a_spec_that_somebody_else_wrote_are_none(
    databases: Databases, directory: RunsDirectory, make_run: MakeRun
) -> None:
    row = make_run("a")
    for spec in ({"version": 2}, [], None):
        strange = replace(row, spec=cast("Mapping[str, object]", spec))
        assert manifest(report_run(databases, directory, row), strange)["job_files"] == []


def test_a_password_is_not_told(
    directory: RunsDirectory, make_run: MakeRun, postgres: PostgresServer, postgres_url: str
) -> None:
    url = sa.make_url(postgres.tcp_url("x")).set(database=sa.make_url(postgres_url).database)
    databases = Databases(url.render_as_string(hide_password=False), per_run=None)
    report = report_run(databases, directory, make_run("a"))
    assert f"127.0.0.1:{url.port}/{url.database}" in report.database
    assert isinstance(url.password, str)
    assert url.password not in json.dumps(report.to_json())
