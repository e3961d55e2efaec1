import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy.engine import Engine

from supervisor.artifacts.layout import RunsDirectory
from supervisor.board.history import read_history, reason
from supervisor.model.states import ResultStatus, RunStatus
from supervisor.store import runs
from supervisor.store.databases import Databases
from supervisor.store.engine import transaction
from supervisor.store.events import Event
from supervisor.store.results import AttemptKey, ResultStore, StoredDocument, StoredPage
from supervisor.store.runs import RunRow
from support.schemas import check_document

AT = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("event", "detail", "words"),
    [
        (
            "queued",
            {"commit": "c0ffee" * 7, "lane": None, "priority": 100},
            "attempt 2 at commit c0ffeec0ffee, priority 100",
        ),
        (
            "queued",
            {"commit": "c0ffee" * 7, "lane": "A", "priority": 5},
            "attempt 2 at commit c0ffeec0ffee, priority 5, lane A",
        ),
        ("claimed", {"reason": "next in the queue"}, "next in the queue (attempt 2, lease term 4)"),
        ("claimed", {}, "attempt 2, lease term 4"),
        ("retrying", {"reason": "killed by signal 9"}, "killed by signal 9; attempt 2 is next"),
        ("continued", {"reason": "named again", "from": "old-1", "to": "desk-2"}, "named again, for desk-2"),
        ("continued", {"reason": "named again", "from": "old-1", "to": None}, "named again"),
        ("moved", {"from_session": "5e55", "to_session": "10n6"}, "from session 5e55 to 10n6"),
        ("rescued", {"reason": "its worker is gone", "from": "old-1"}, "its worker is gone"),
        ("succeeded", {}, ""),
    ],
)
def test_every_event_says_why(event: str, detail: dict[str, object], words: str) -> None:
    assert reason(Event(1, 2, 4, AT, "ada", event, None, None, detail)) == words


def test_the_story_is_that_of_a_row_and_all_that_happened_to_it(
    engine: Engine, databases: Databases, directory: RunsDirectory, make_run: Callable[[str], RunRow]
) -> None:
    first = make_run("letters")
    with transaction(engine) as connection:
        runs.transition(connection, first, RunStatus.FAILED, at=AT, actor="x", event="failed")
    make_run("books")
    newest = make_run("letters")
    later = AT.replace(hour=13)
    with transaction(engine) as connection:
        detail = {"from": "w", "reason": "its worker is gone"}
        runs.transition(connection, newest, RunStatus.QUEUED, at=later, actor="two", event="rescued", detail=detail)
    told = read_history(engine, databases, directory, newest.id)
    assert (told.row.id, told.session.title, told.report.attempt) == (newest.id, "Letters of 1911", 2)
    assert [event.event for event in told.events] == ["queued", "claimed", "rescued"]
    printed = json.loads(json.dumps(told.to_json()))
    assert printed["schema"] == "supervisor.run-history/1"
    check_document(printed)
    run = printed["run"]
    assert (run["run_id"], run["status"], run["session"]["id"], run["lane"]) == ("letters", "queued", "s", None)
    assert (run["attempt"], run["lease_term"], run["worker"], run["finished_at"]) == (2, 2, "w", None)
    assert run["claimed_at"] == (newest.claimed_at.isoformat() if newest.claimed_at else None)
    assert printed["events"][-1] == {
        "at": later.isoformat(),
        "actor": "two",
        "event": "rescued",
        "from_status": "running",
        "to_status": "queued",
        "attempt": 2,
        "lease_term": 2,
        "reason": "its worker is gone",
        "detail": detail,
    }


def test_a_run_that_has_ended_has_a_story(
    engine: Engine, databases: Databases, directory: RunsDirectory, make_run: Callable[[str], RunRow]
) -> None:
    row = make_run("letters")
    with transaction(engine) as connection:
        runs.transition(connection, row, RunStatus.FAILED, at=AT, actor="x", event="failed")
    told = read_history(engine, databases, directory, row.id)
    assert [event.event for event in told.events] == ["queued", "claimed", "failed"]


def test_what_could_not_be_read_and_what_is_weak_is_told_first(
    engine: Engine,
    databases: Databases,
    directory: RunsDirectory,
    make_run: Callable[[str], RunRow],
    begin: Callable[[RunRow], tuple[ResultStore, AttemptKey]],
) -> None:
    row = make_run("letters")
    store, key = begin(row)
    read = StoredDocument("a.tiff", "b10b", "books", ResultStatus.SUCCEEDED, 2, None)
    bad = StoredDocument("b.tiff", "b10b", "books", ResultStatus.FAILED, None, "is damaged")
    page = StoredPage("a.tiff", 1, ResultStatus.SUCCEEDED, "ocr", "x", 91.5, 60.0, 0.1, 1, 8, None, None, None, "")
    store.store(key, [page, replace(page, page_number=2, weak_word_share=0.5)], [read, bad])
    store.close()
    told: dict[str, Any] = read_history(engine, databases, directory, row.id, pages_limit=1).to_json()
    check_document(json.loads(json.dumps(told)))
    assert [(one["path"], one["weak_pages"]) for one in told["documents"]] == [("b.tiff", 0), ("a.tiff", 1)]
    assert [page["page_number"] for page in told["pages"]] == [2]
    assert len(read_history(engine, databases, directory, row.id, pages_limit=None).pages) == 2
