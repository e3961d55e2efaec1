import json
import os
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

import supervisor
from supervisor import DeliveredDocument, DeliveredPage, ParallelRunSupervisor, SessionManager, WorkerCoordinator
from supervisor.errors import HeldError, UsageError
from supervisor.git.repository import Repository
from supervisor.locks.runlock import ExecutorLockManager
from supervisor.model.intents import Intent
from supervisor.model.states import RunStatus, SessionStatus, WorkerStatus
from supervisor.store.engine import open_engine, transaction
from supervisor.store.errors import DatabaseUnavailable
from supervisor.store.tables import run_progress, supervisors, workers
from supervisor.store.tables import runs as table
from supervisor.supervision.workers import coordinator as coordinator_module
from supervisor.supervision.workers import hands
from supervisor.supervision.workers.task import StaleTaskError, Task
from support.schemas import check_runs_directory

JOB = 'version = 1\n[[jobs]]\nname = "{0}"\ndocuments = ["scans/{0}-*.png"]\nformats = ["txt"]\n'


class Place:
    """A repository whose runs a, b and c have two documents each, and where their runs are kept."""

    def __init__(self, top: Path, runs: Path, database_url: str | None, until_the_end: ExitStack) -> None:
        self.options: dict[str, Any] = {"repo": top, "runs_dir": runs, "database_url": database_url}
        self.runs = runs
        self.said: list[str] = []
        self._until_the_end = until_the_end

    def queue(self, *run_ids: str, **options: Any) -> str:
        return ParallelRunSupervisor(**self.options).start("night", run_ids, **options).session_id

    def coordinator(self, **options: Any) -> WorkerCoordinator:
        made = WorkerCoordinator(**self.options, note=self.said.append, **options)
        return self._until_the_end.enter_context(made)

    @property
    def sessions(self) -> SessionManager:
        return self._until_the_end.enter_context(SessionManager(**self.options))

    def engine(self) -> Engine:
        url = self.options["database_url"] or f"sqlite:///{self.runs / 'control.db'}"
        engine = open_engine(url)
        self._until_the_end.callback(engine.dispose)
        return engine

    def text(self, run_id: str, document: str) -> str:
        return (self.runs / run_id / "output" / f"scans/{document}.png.txt").read_text()


@pytest.fixture
def place(make_place: Callable[..., Place]) -> Place:
    return make_place(None)


@pytest.fixture
def anywhere(make_place: Callable[..., Place], database_kind: str, request: pytest.FixtureRequest) -> Place:
    """One with each kind of database."""
    return make_place(request.getfixturevalue("database_url") if database_kind == "postgresql" else None)


@pytest.fixture
def make_place(repository: Repository, tmp_path: Path) -> Iterator[Callable[..., Place]]:
    top = repository.work_tree
    assert top is not None
    (top / "scans").mkdir()
    for run_id in "abc":
        (top / "ocr-jobs" / f"{run_id}.toml").write_text(JOB.format(run_id))
        for number in (1, 2):
            (top / "scans" / f"{run_id}-{number}.png").write_bytes(f"{run_id}{number}".encode())
    who = ("-c", "user.name=T", "-c", "user.email=t@example.org")
    for arguments in (("add", "--all"), (*who, "commit", "-q", "-m", "scans")):
        subprocess.run(["git", "-C", str(top), *arguments], check=True)
    with ExitStack() as until_the_end:
        yield lambda url, runs=tmp_path / "runs": Place(top, runs, url, until_the_end)


def read(task: Task) -> list[DeliveredDocument]:
    """What a worker makes of each document: its content is its text."""
    return [
        DeliveredDocument(path=one.path, pages=[DeliveredPage(page_number=1, text=one.file.read_text())])
        for one in task.documents
        if not one.is_done
    ]


def assigned(coordinator: WorkerCoordinator, worker: str) -> Task:
    task = coordinator.assign_task(worker)
    assert task is not None
    return task


def test_a_worker_takes_runs_and_delivers_results(anywhere: Place) -> None:
    session = anywhere.queue("a", "b")
    coordinator = anywhere.coordinator()
    worker = coordinator.register_worker("reader")
    assert worker.id.startswith("reader-")
    assert (worker.pid, worker.status, worker.run_id) == (os.getpid(), WorkerStatus.IDLE, None)
    task = assigned(coordinator, worker.id)
    assert (task.run_id, task.session_id, task.attempt, task.lease_term) == ("a", session, 1, 1)
    assert [(one.path, one.job.name, one.pages_done) for one in task.documents] == [
        ("scans/a-1.png", "a", ()),
        ("scans/a-2.png", "a", ()),
    ]
    assert task.documents[0].file.is_relative_to(task.workspace)
    known = coordinator.get_worker(worker)
    assert (known.status, known.run_id, known.lease_term) == (WorkerStatus.BUSY, "a", 1)
    assert coordinator.list_workers("busy") == [known]
    long_ago = datetime(2000, 1, 1, tzinfo=UTC)
    with transaction(anywhere.engine()) as connection:
        for one in (table, workers, supervisors):
            connection.execute(sa.update(one).values(heartbeat_at=long_ago))
    beat = coordinator.heartbeat(worker)
    assert (beat.run_id, beat.goes_on, beat.is_lost, beat.intent) == ("a", True, False, None)
    with transaction(anywhere.engine()) as connection:
        for one in (table, workers, supervisors):
            assert connection.scalar(sa.select(sa.func.max(one.c.heartbeat_at))) > long_ago
    (task.output / "figures.csv").write_text("a file of its own")
    report = coordinator.complete_task(worker, documents=read(task))
    assert (report.run_id, report.status, report.pages.total) == ("a", RunStatus.SUCCEEDED, 2)
    assert anywhere.text("a", "a-2") == "a2"
    assert (anywhere.runs / "a/output/figures.csv").exists()
    assert json.loads((anywhere.runs / "a/run.json").read_text())["status"] == "succeeded"
    check_runs_directory(anywhere.runs)
    assert not task.workspace.exists()
    assert coordinator.heartbeat(worker).run_id is None
    assert coordinator.get_worker(worker.id).status is WorkerStatus.IDLE
    task = assigned(coordinator, worker.id)
    coordinator.complete_task(worker, documents=read(task))
    assert coordinator.assign_task(worker) is None
    assert [one.status for one in anywhere.sessions.list_sessions()] == [SessionStatus.COMPLETED]
    coordinator.unregister_worker(worker)
    assert coordinator.list_workers() == []
    assert coordinator.get_worker(worker).ended_at is not None
    assert anywhere.said == []


def test_workers_of_a_session_take_no_others(place: Place) -> None:
    place.queue("a")
    place.queue("b")
    coordinator = place.coordinator()
    only = place.sessions.create_session("empty")
    assert coordinator.assign_task(coordinator.register_worker(session=only)) is None
    assert coordinator.assign_task(coordinator.register_worker(session=only.id[:8])) is None


def test_results_can_be_plain_values(place: Place) -> None:
    place.queue("a")
    coordinator = place.coordinator()
    worker = coordinator.register_worker()
    assigned(coordinator, worker.id)
    coordinator.deliver_results(
        worker.id,
        json.loads('[{"path": "scans/a-1.png", "pages": [{"page_number": 1, "text": "x y"}]}]'),
        lease_term=1,
    )
    report = coordinator.complete_task(worker.id, "failed", "out of paper")
    assert (report.status, report.error, report.pages.ocr) == (RunStatus.FAILED, "out of paper", 1)
    assert place.text("a", "a-1") == "x y"


def test_the_figures_of_those_who_watch_are_kept(place: Place) -> None:
    place.queue("a")
    coordinator = place.coordinator()
    worker = coordinator.register_worker()
    task = assigned(coordinator, worker.id)
    coordinator.deliver_results(worker, read(task)[:1])
    with transaction(place.engine()) as connection:
        row = connection.execute(sa.select(run_progress)).mappings().one()
    counts = {name: row[name] for name in ("documents", "documents_done", "pages", "pages_ocr", "stage")}
    assert counts == {"documents": 2, "documents_done": 1, "pages": 1, "pages_ocr": 1, "stage": "recognising"}


def test_what_is_delivered_again_is_counted_once(place: Place) -> None:
    place.queue("a")
    coordinator = place.coordinator()
    worker = coordinator.register_worker()
    first, _ = read(assigned(coordinator, worker.id))
    broken = DeliveredDocument(path=first.path, pages=[DeliveredPage(page_number=1, error="torn")])
    for document in (broken, first, first):
        coordinator.deliver_results(worker, [document])
    engine = place.engine()

    def counted() -> tuple[int, ...]:
        names = ("documents_opened", "documents_done", "documents_failed", "pages", "pages_ocr", "pages_failed")
        with transaction(engine) as connection:
            row = connection.execute(sa.select(run_progress)).mappings().one()
        return tuple(row[name] for name in names)

    assert counted() == (1, 1, 0, 1, 1, 0)
    coordinator.complete_task(worker, documents=[first])
    assert counted() == (2, 2, 0, 1, 1, 0), "what was left out is done, too"


def test_of_what_is_refused_no_file_is_kept(place: Place) -> None:
    place.queue("a")
    coordinator = place.coordinator()
    worker = coordinator.register_worker()
    first, second = read(assigned(coordinator, worker.id))
    for nothing in ([], [DeliveredPage(page_number=1, hocr="<p>")]):
        with pytest.raises(UsageError):
            coordinator.deliver_results(worker, [first, DeliveredDocument(path=second.path, pages=nothing)])
    coordinator.complete_task(worker)
    assert not list((place.runs / "a" / "output").rglob("*.txt"))


def test_a_run_with_a_failed_document_has_failed(place: Place) -> None:
    place.queue("a")
    coordinator = place.coordinator()
    worker = coordinator.register_worker()
    first, second = read(assigned(coordinator, worker.id))
    broken = DeliveredDocument(path=second.path, pages=[DeliveredPage(page_number=1, error="torn")])
    report = coordinator.complete_task(worker, "succeeded", documents=[first, broken])
    assert (report.status, report.error) == (RunStatus.FAILED, "1 of 2 documents failed: scans/a-2.png")
    assert [(one.path, one.error) for one in report.failed_documents] == [("scans/a-2.png", "page 1: torn")]
    assert place.text("a", "a-1") == "a1"


def test_a_page_that_failed_before_is_not_forgotten(place: Place) -> None:
    place.queue("a")
    coordinator = place.coordinator()
    worker = coordinator.register_worker()
    assigned(coordinator, worker.id)
    good, torn = DeliveredPage(page_number=1, text="one"), DeliveredPage(page_number=2, error="torn")
    coordinator.deliver_results(worker, [DeliveredDocument(path="scans/a-1.png", pages=[torn], is_finished=False)])
    report = coordinator.complete_task(worker, documents=[DeliveredDocument(path="scans/a-1.png", pages=[good])])
    assert [(one.path, one.error) for one in report.failed_documents] == [("scans/a-1.png", "page 2: torn")]
    assert (place.text("a", "a-1"), report.pages.failed) == ("one\f", 1)


def test_what_is_not_delivered_is_skipped(place: Place) -> None:
    place.queue("a")
    coordinator = place.coordinator()
    worker = coordinator.register_worker()
    task = assigned(coordinator, worker.id)
    report = coordinator.complete_task(worker, documents=read(task)[:1])
    assert [(one.status, one.error) for one in report.documents] == [
        ("succeeded", None),
        ("skipped", f"worker {worker.id} delivered nothing of it"),
    ]


def test_what_can_pass_by_itself_is_tried_again(place: Place) -> None:
    place.queue("a")
    coordinator = place.coordinator()
    worker = coordinator.register_worker()
    assigned(coordinator, worker.id)
    report = coordinator.complete_task(worker, "failed", "the scanner is warming up", transient=True)
    assert (report.status, report.attempt) == (RunStatus.QUEUED, 2)


NO_RESULTS: list[tuple[Any, str]] = [
    ([{"path": "scans/a-3.png", "error": "lost"}], r"run 'a' has no document 'scans/a-3\.png'"),
    ([{"path": "scans/a-1.png"}], r"document scans/a-1\.png has neither pages nor an error"),
    ([{"path": "scans/a-1.png", "error": "x"}] * 2, r"document scans/a-1\.png is delivered twice"),
    ([{"path": "scans/a-1.png", "pages": [{"page_number": 1}]}], "page 1 of .* needs one of hocr, text and error"),
    ([{"path": "scans/a-1.png", "pages": [{"page_number": 1, "text": ""}] * 2}], "page 1 of .* is delivered twice"),
    ([{"path": "scans/a-1.png", "pages": [{"page_number": 0, "text": ""}]}], r"0\.pages\.0\.page_number: "),
    ([{"path": "scans/a-1.png", "pages": [{"page_number": 1, "hocr": "<p>"}]}], "page 1 of scans/a-1.png: "),
    ([{"path": "scans/a-1.png", "colour": "red"}], r"0\.colour: "),
    ([DeliveredDocument(path="scans/a-1.png", pages=[DeliveredPage(page_number=-1)])], "page_number"),
]


def test_what_is_no_result_is_refused_and_the_task_goes_on(place: Place) -> None:
    place.queue("a")
    coordinator = place.coordinator()
    worker = coordinator.register_worker()
    task = assigned(coordinator, worker.id)
    for documents, message in NO_RESULTS:
        with pytest.raises(UsageError, match=message):
            coordinator.complete_task(worker, documents=documents)
    assert coordinator.complete_task(worker, documents=read(task)).status is RunStatus.SUCCEEDED


def test_what_is_not_possible_is_said(place: Place) -> None:
    coordinator = place.coordinator()
    with pytest.raises(UsageError, match="there is no worker 'anna'"):
        coordinator.heartbeat("anna")
    with pytest.raises(UsageError, match="no supervisor is at work here"):
        coordinator.scale_workers(2)
    assert coordinator.list_workers() == []
    assert not place.runs.exists()
    place.queue("a", "b")
    with pytest.raises(UsageError, match="cannot be the name of a worker"):
        coordinator.register_worker("../x")
    worker = coordinator.register_worker()
    with pytest.raises(UsageError, match=f"worker '{worker.id}' has no task"):
        coordinator.complete_task(worker)
    task = assigned(coordinator, worker.id)
    with pytest.raises(UsageError, match="is at run 'a'"):
        coordinator.assign_task(worker)
    for status, error, message in (
        ("cancelled", None, "cannot be completed as 'cancelled'"),
        ("failed", None, "needs an error"),
        ("succeeded", "but", "has no error"),
    ):
        with pytest.raises(UsageError, match=message):
            coordinator.complete_task(worker, status, error, documents=read(task))
    with pytest.raises(UsageError, match="no state 'asleep'"):
        coordinator.list_workers("asleep")
    with pytest.raises(UsageError, match="0 workers are too few"):
        coordinator.scale_workers(0)
    with pytest.raises(UsageError, match="no supervisor is at work here"):
        coordinator.scale_workers(2)
    with pytest.raises(UsageError, match="is a program, which scales itself"):
        coordinator.scale_workers(2, worker.supervisor_id)


@pytest.mark.parametrize("intent", [Intent.PAUSE, Intent.CANCEL])
def test_a_heartbeat_tells_what_people_want(anywhere: Place, intent: Intent) -> None:
    session = anywhere.queue("a")
    coordinator = anywhere.coordinator()
    worker = coordinator.register_worker()
    assigned(coordinator, worker.id)
    change = {Intent.PAUSE: anywhere.sessions.pause_session, Intent.CANCEL: anywhere.sessions.cancel_session}[intent]
    change(session)
    beat = coordinator.heartbeat(worker)
    assert (beat.intent, beat.is_lost, beat.goes_on) == (intent, False, False)
    report = coordinator.release_task(worker)
    expected = {Intent.PAUSE: RunStatus.QUEUED, Intent.CANCEL: RunStatus.CANCELLED}[intent]
    assert (report.status, coordinator.heartbeat(worker).run_id) == (expected, None)
    assert coordinator.assign_task(worker) is None


def test_what_failed_while_it_was_cancelled_is_cancelled(place: Place) -> None:
    session = place.queue("a")
    coordinator = place.coordinator()
    worker = coordinator.register_worker()
    assigned(coordinator, worker.id)
    place.sessions.cancel_session(session)
    assert coordinator.complete_task(worker, "failed", "stopped in the middle").status is RunStatus.CANCELLED


def test_who_goes_on_finds_what_was_delivered(anywhere: Place) -> None:
    anywhere.queue("a")
    first = anywhere.coordinator()
    worker = first.register_worker()
    task = assigned(first, worker.id)
    done = read(task)[:1]
    begun = DeliveredDocument(path="scans/a-2.png", pages=[DeliveredPage(page_number=1, text="one")], is_finished=False)
    first.deliver_results(worker, [*done, begun])
    first.unregister_worker(worker)
    coordinator = anywhere.coordinator()
    worker = coordinator.register_worker()
    task = assigned(coordinator, worker.id)
    assert (task.attempt, task.lease_term) == (1, 2)
    assert [(one.pages_done, one.is_done) for one in task.documents] == [([1], True), ([1], False)]
    rest = DeliveredDocument(path="scans/a-2.png", pages=[DeliveredPage(page_number=2, text="two")])
    report = coordinator.complete_task(worker, documents=[rest])
    assert (report.status, report.pages.total) == (RunStatus.SUCCEEDED, 3)
    assert (anywhere.text("a", "a-1"), anywhere.text("a", "a-2")) == ("a1", "one\ftwo")


@pytest.mark.parametrize("late", ["deliver", "complete", "release"])
def test_a_task_that_was_given_to_another_is_refused(anywhere: Place, late: str) -> None:
    anywhere.queue("a")
    coordinator = anywhere.coordinator()
    worker = coordinator.register_worker()
    task = assigned(coordinator, worker.id)
    with transaction(anywhere.engine()) as connection:
        # As a rescuer on another machine does, and the worker that claims it there.
        connection.execute(sa.update(table).values(lease_term=2, claimed_by="another"))
    if anywhere.options["database_url"] is None:
        with closing(sqlite3.connect(anywhere.runs / "a/a.db")) as results, results:
            results.execute("UPDATE lease SET term = 2")
    assert coordinator.heartbeat(worker).is_lost
    steps: dict[str, Callable[[], object]] = {
        "deliver": lambda: coordinator.deliver_results(worker, read(task)),
        "complete": lambda: coordinator.complete_task(worker, documents=read(task)),
        "release": lambda: coordinator.release_task(worker),
    }
    with pytest.raises(StaleTaskError, match="run 'a' is no longer the task of worker") as caught:
        steps[late]()
    assert isinstance(caught.value, HeldError)
    assert caught.value.exit_code == 3
    assert coordinator.heartbeat(worker).run_id is None
    assert coordinator.get_worker(worker).status is WorkerStatus.IDLE
    coordinator.unregister_worker(worker)
    assert coordinator.get_worker(worker).ended_at is not None
    with transaction(anywhere.engine()) as connection:
        assert connection.scalar(sa.select(table.c.status)) == "running"
        assert connection.scalar(sa.select(table.c.claimed_by)) == "another"
    assert not (anywhere.runs / "a/output").exists()
    assert not supervisor.ExecutorLockManager(anywhere.runs).is_held("a")


def test_a_silent_worker_of_another_machine_loses_its_task_to_one_here(
    make_place: Callable[..., Place], postgres_url: str, tmp_path: Path
) -> None:
    there = make_place(postgres_url)
    there.queue("a")
    silent = there.coordinator(lease_seconds=6)
    worker = silent.register_worker()
    task = assigned(silent, worker.id)
    silent.deliver_results(worker, read(task)[:1])
    with transaction(there.engine()) as connection:
        elsewhere = {"machine_id": "another", "boot_id": "another", "host": "far", "runs_directory": "/far/runs"}
        connection.execute(sa.update(supervisors).values(elsewhere))
        long_ago = datetime(2000, 1, 1, tzinfo=UTC)
        for one in (table, workers, supervisors):
            connection.execute(sa.update(one).values(heartbeat_at=long_ago))
    here = make_place(postgres_url, tmp_path / "here")
    coordinator = here.coordinator()
    mine = coordinator.register_worker()
    limit = time.monotonic() + 60
    while (taken := coordinator.assign_task(mine)) is None:
        assert time.monotonic() < limit
        time.sleep(0.1)
    assert (taken.run_id, taken.attempt, taken.lease_term) == ("a", 1, 2)
    assert [one.is_done for one in taken.documents] == [True, False]
    assert silent.heartbeat(worker).is_lost
    with pytest.raises(StaleTaskError):
        silent.complete_task(worker, documents=read(task))
    report = coordinator.complete_task(mine, documents=read(taken))
    assert (report.status, report.pages.total) == (RunStatus.SUCCEEDED, 2)
    assert (here.text("a", "a-1"), here.text("a", "a-2")) == ("a1", "a2")


def test_what_a_database_did_not_answer_is_said_again(anywhere: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    anywhere.queue("a")
    coordinator = anywhere.coordinator()
    worker = coordinator.register_worker()
    task = assigned(coordinator, worker.id)

    def written_but_not_answered(*given: Any) -> bool:
        monkeypatch.undo()
        hands.end(*given)
        raise DatabaseUnavailable("gone away")

    monkeypatch.setattr(hands, "end", written_but_not_answered)
    with pytest.raises(DatabaseUnavailable):
        coordinator.complete_task(worker, documents=read(task))
    assert coordinator.complete_task(worker, documents=read(task)).status is RunStatus.SUCCEEDED
    assert coordinator.heartbeat(worker).run_id is None


def test_a_task_that_has_ended_is_told_of_when_the_database_is_back(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.queue("a")
    coordinator = place.coordinator()
    worker = coordinator.register_worker()
    task = assigned(coordinator, worker.id)

    def away(*_: Any) -> Any:
        monkeypatch.undo()
        raise DatabaseUnavailable("gone away")

    monkeypatch.setattr(coordinator_module, "report_runs", away)
    assert coordinator.complete_task(worker, documents=read(task)).status is RunStatus.SUCCEEDED


def test_a_database_that_is_away_while_a_workspace_is_made_costs_no_worker(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.queue("a")
    coordinator = place.coordinator()
    worker = coordinator.register_worker()

    def away(*_: Any) -> Any:
        raise DatabaseUnavailable("gone away")

    monkeypatch.setattr(hands, "provision", away)
    monkeypatch.setattr(hands, "end", away)
    with pytest.raises(DatabaseUnavailable):
        coordinator.assign_task(worker)
    assert coordinator.heartbeat(worker).run_id == "a"
    monkeypatch.undo()
    assert coordinator.assign_task(worker) is None
    with transaction(place.engine()) as connection:
        assert connection.execute(sa.select(table.c.status, table.c.retry_count)).one() == ("queued", 1)
        connection.execute(sa.update(table).values(available_at=datetime(2000, 1, 1, tzinfo=UTC)))
    assert assigned(coordinator, worker.id).attempt == 2


def test_results_of_an_earlier_task_are_refused(place: Place) -> None:
    place.queue("a", "b")
    coordinator = place.coordinator()
    worker = coordinator.register_worker()
    first = assigned(coordinator, worker.id)
    coordinator.release_task(worker)
    again = assigned(coordinator, worker.id)
    assert (again.run_id, again.lease_term) == ("a", 2)
    with pytest.raises(StaleTaskError, match="under lease term 1"):
        coordinator.complete_task(worker, lease_term=first.lease_term)
    # What somebody else says late does not take the task away.
    assert coordinator.complete_task(worker, documents=read(again), lease_term=2).status is RunStatus.SUCCEEDED


def test_what_a_worker_has_goes_back_when_the_coordinator_is_closed(place: Place) -> None:
    place.queue("a")
    with place.coordinator() as coordinator:
        worker = coordinator.register_worker()
        assigned(coordinator, worker.id)
    with pytest.raises(StaleTaskError, match=f"worker '{worker.id}' has ended"):
        coordinator.complete_task(worker)
    again = coordinator.register_worker()
    assert assigned(coordinator, again.id).lease_term == 2


def test_a_workspace_that_cannot_be_made_fails_the_run_and_not_the_program(place: Place) -> None:
    place.queue("a", "b")
    with transaction(place.engine()) as connection:
        connection.execute(sa.update(table).where(table.c.run_id == "a").values(commit_sha="0" * 40))
    coordinator = place.coordinator()
    worker = coordinator.register_worker()
    assert coordinator.assign_task(worker) is None
    assert any("run a: " in line for line in place.said)
    assert assigned(coordinator, worker.id).run_id == "b"


def test_many_threads_take_each_run_once(anywhere: Place) -> None:
    anywhere.queue("a", "b", "c")
    coordinator = anywhere.coordinator()
    taken: list[str] = []

    def work() -> None:
        worker = coordinator.register_worker()
        while task := coordinator.assign_task(worker):
            taken.append(task.run_id)
            coordinator.heartbeat(worker)
            coordinator.complete_task(worker, documents=read(task))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == ["a", "b", "c"]


def test_a_forked_process_has_no_say(anywhere: Place) -> None:
    anywhere.queue("a")
    coordinator = anywhere.coordinator()
    worker = coordinator.register_worker()
    assigned(coordinator, worker.id)
    child = os.fork()
    if child == 0:
        # Whatever happens, the child must not go on with the tests.
        code = 1
        try:
            for attempt in (lambda: coordinator.complete_task(worker), coordinator.register_worker):
                try:
                    attempt()
                except (StaleTaskError, UsageError):
                    code = 0
                else:
                    code = 2
                    break
            coordinator.close()
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert coordinator.heartbeat(worker).goes_on


def test_what_a_program_forks_holds_nothing(place: Place) -> None:
    place.queue("a")
    coordinator = place.coordinator()
    worker = coordinator.register_worker()
    task = assigned(coordinator, worker.id)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(writer)
        os.read(reader, 1)
        os._exit(0)
    try:
        assert ExecutorLockManager(place.runs).is_held("a"), "the child has closed its copy alone"
        coordinator.complete_task(worker, documents=read(task))
        assert not ExecutorLockManager(place.runs).is_held("a")
        place.queue("a")
        assert assigned(coordinator, worker.id).attempt == 2
    finally:
        os.close(writer)
        os.close(reader)
        os.waitpid(child, 0)
