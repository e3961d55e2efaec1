from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

import supervisor
from supervisor.errors import UsageError
from supervisor.git.repository import Repository
from supervisor.model.intents import Intent
from supervisor.model.states import RunStatus, SessionStatus
from supervisor.store import claims, intents, runs, sessions
from supervisor.store.engine import transaction
from supervisor.store.file_locks import FileLockedError
from supervisor.store.runs import NewRun
from supervisor.store.tables import runs as table
from supervisor.supervision.sessions.desk import SessionStateError
from supervisor.supervision.sessions.manager import SessionManager
from support.clocks import HandClock


@pytest.fixture
def manager(repository: Repository, database_url: str, engine: Engine, tmp_path: Path) -> SessionManager:  # noqa: ARG001 (tables)
    assert repository.work_tree is not None
    return SessionManager(
        repository.work_tree, runs_dir=tmp_path / "runs", repository_name="repo", database_url=database_url
    )


def add_run(engine: Engine, session_id: str) -> int:
    with transaction(engine) as connection:
        new = NewRun(
            run_id="a",
            session_id=session_id,
            commit_sha="c0ffee",
            repository="repo",
            spec={},
            requested_by="anna",
            served_by=None,
        )
        return runs.add(connection, new, at=HandClock().now())


def files(manager: SessionManager, session: str | None = None) -> list[str]:
    return [lock.path for lock in manager.locked_files(session)]


def test_the_package_hands_it_out() -> None:
    assert supervisor.SessionManager is SessionManager


def test_the_life_of_a_session_without_runs(manager: SessionManager) -> None:
    made = manager.create_session("night", "read the letters again")
    assert (made.title, made.intent, made.status) == ("night", "read the letters again", SessionStatus.CREATED)
    assert made.started_at is made.finished_at is None
    started = manager.start_session(made)
    assert started.status is SessionStatus.RUNNING
    assert started.started_at is not None
    assert manager.pause_session("night").status is SessionStatus.PAUSED
    assert manager.resume_session(made.id[:6]).status is SessionStatus.RUNNING
    ended = manager.complete_session(made.id)
    assert ended.status is SessionStatus.COMPLETED
    assert ended.finished_at is not None


@pytest.mark.parametrize(
    ("before", "refused"),
    [
        ("created", ["resume"]),
        ("running", ["start", "resume"]),
        ("paused", ["start", "pause"]),
        ("completed", ["start", "pause", "resume", "complete", "cancel"]),
        ("cancelled", ["complete", "cancel"]),
    ],
)
def test_other_steps_are_refused(manager: SessionManager, *, before: str, refused: list[str]) -> None:
    steps: dict[str, Callable[..., object]] = {
        "start": manager.start_session,
        "pause": manager.pause_session,
        "resume": manager.resume_session,
        "complete": manager.complete_session,
        "cancel": manager.cancel_session,
    }
    way = {"running": "start", "paused": "pause", "completed": "complete", "cancelled": "cancel"}
    made = manager.create_session("night")
    if before in way:
        steps[way[before]](made)
    for name in refused:
        with pytest.raises(SessionStateError, match=rf"session 'night' \({made.id}\) is {before}; ") as caught:
            steps[name](made)
        assert caught.value.exit_code == 2
    assert [one.status for one in manager.list_sessions()] == [before]


def test_sessions_are_listed_by_state_the_newest_first(manager: SessionManager) -> None:
    made = [manager.create_session(title) for title in ("one", "two", "three")]
    manager.start_session("two")
    assert {one.title for one in manager.list_sessions()} == {"one", "two", "three"}
    assert [one.title for one in manager.list_sessions("running")] == ["two"]
    assert [one.title for one in manager.list_sessions(SessionStatus.PAUSED)] == []
    newest = max(made, key=lambda one: one.created_at)
    assert manager.list_sessions(limit=1)[0].created_at == newest.created_at
    with pytest.raises(UsageError, match="no state 'asleep'") as caught:
        manager.list_sessions("asleep")
    assert "created, running" in str(caught.value.hint)
    with pytest.raises(UsageError, match="limit of -1"):
        manager.list_sessions(limit=-1)


def test_what_is_wrong_is_said(manager: SessionManager) -> None:
    for title in ("", " \n"):
        with pytest.raises(UsageError, match="needs a title"):
            manager.create_session(title)
    with pytest.raises(UsageError, match="no session 'nobody'"):
        manager.lock_files("nobody", ["a"])
    made = manager.create_session("night")
    with pytest.raises(UsageError, match=r"run id '\.\./x' is not allowed"):
        manager.lock_files(made, ["a"], run="../x")
    with pytest.raises(UsageError, match="leads out of the repository"):
        manager.lock_files(made, ["a", "../b"])
    assert files(manager) == []


def test_a_session_tells_how_far_it_is_until_it_ends(manager: SessionManager) -> None:
    made = manager.create_session("night")
    assert (made.progress_done, made.progress_total, made.progress_note) == (None, None, None)
    told = manager.update_progress(made, 3, total=10, note="sorting \0 scans")
    assert (told.progress_done, told.progress_total) == (3, 10)
    assert told.progress_note == "sorting \N{REPLACEMENT CHARACTER} scans"
    told = manager.update_progress("night", 4)
    assert (told.progress_done, told.progress_total, told.progress_note) == (4, None, None)
    assert manager.list_sessions() == [told]
    impossible: list[tuple[Any, Any]] = [
        (-1, None),
        (11, 10),
        (0, -1),
        (2**31, None),
        (0, 2**31),
        (1.5, None),
        (0, 9.5),
    ]
    for done, total in impossible:
        with pytest.raises(UsageError, match="is not possible"):
            manager.update_progress(made, done, total)
    with pytest.raises(UsageError, match="a note of 2,000 characters is too long"):
        manager.update_progress(made, 1, note="x" * 2000)
    manager.complete_session(made)
    with pytest.raises(SessionStateError, match="one that has ended makes no progress"):
        manager.update_progress(made, 5)
    assert manager.list_sessions()[0].progress_done == 4


def test_files_are_a_sessions_own_until_it_gives_them_back_or_ends(manager: SessionManager) -> None:
    night, day = manager.create_session("night"), manager.create_session("day")
    assert [lock.path for lock in manager.lock_files(night, ["./b", "a"], run="letters")] == ["a", "b"]
    with pytest.raises(FileLockedError, match=rf"b by session 'night' \({night.id}\), run letters; nothing") as caught:
        manager.lock_files(day, ["b", "c"])
    assert [lock.session_id for lock in caught.value.conflicts] == [night.id]
    assert files(manager, "day") == []
    assert [lock.path for lock in manager.unlock_files(night, "b")] == ["a"]
    manager.lock_files(day, ["b", "c"])
    assert files(manager) == ["a", "b", "c"]
    assert manager.unlock_files(day) == []
    assert manager.unlock_files(day, ["never"]) == []
    manager.pause_session(night)
    assert files(manager) == ["a"]
    manager.cancel_session(night)
    assert files(manager) == []
    with pytest.raises(SessionStateError, match="is cancelled; one that has ended can lock no file"):
        manager.lock_files(night, ["a"])


def test_a_session_with_runs_is_not_completed_by_hand(manager: SessionManager, engine: Engine) -> None:
    made = manager.start_session(manager.create_session("night"))
    add_run(engine, made.id)
    with pytest.raises(SessionStateError, match="is running; a run of it is queued or running"):
        manager.complete_session(made)
    with transaction(engine) as connection:
        assert sessions.get(connection, made.id).status is SessionStatus.RUNNING


def test_pausing_resuming_and_cancelling_take_the_runs_along(manager: SessionManager, engine: Engine) -> None:
    made = manager.start_session(manager.create_session("night"))
    manager.lock_files(made, "a")
    row = add_run(engine, made.id)
    with transaction(engine) as connection:
        (head,) = runs.heads(connection, [row])
        intents.ask_to_pause(connection, head, at=HandClock().now(), actor="anna")
    assert manager.pause_session(made).status is SessionStatus.PAUSED
    assert manager.resume_session(made).status is SessionStatus.RUNNING
    with transaction(engine) as connection:
        assert connection.scalar(sa.select(table.c.pause_requested_at).where(table.c.id == row)) is None
    assert files(manager) == ["a"]
    assert manager.cancel_session(made).status is SessionStatus.CANCELLED
    with transaction(engine) as connection:
        assert runs.get(connection, row).status is RunStatus.CANCELLED
    assert files(manager) == []


def test_a_run_that_executes_is_asked(manager: SessionManager, engine: Engine) -> None:
    made = manager.start_session(manager.create_session("night"))
    manager.lock_files(made, "a")
    row = add_run(engine, made.id)
    with transaction(engine) as connection:
        assert claims.claim(connection, "somebody elsewhere", HandClock()) is not None
    assert manager.cancel_session(made).status is SessionStatus.RUNNING
    assert files(manager) == ["a"], "until its holder has ended it"
    with transaction(engine) as connection:
        assert intents.wanted(connection, [row]) == {row: Intent.CANCEL}


def test_nothing_is_made_by_looking(repository: Repository, tmp_path: Path) -> None:
    assert repository.work_tree is not None
    manager = SessionManager(repository.work_tree, runs_dir=tmp_path / "runs")
    assert manager.list_sessions() == []
    assert manager.locked_files() == []
    with pytest.raises(UsageError, match="no session"):
        manager.start_session("night")
    assert not (tmp_path / "runs").exists()
    made = manager.create_session("night")
    assert [lock.path for lock in manager.lock_files(made, "a")] == ["a"]
    assert (tmp_path / "runs" / "control.db").exists()
    assert manager.list_sessions() == [made]
