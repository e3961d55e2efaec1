import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from threading import Barrier

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from supervisor.locks.processes import wait_until
from supervisor.model.states import RunStatus, SessionStatus
from supervisor.store import claims, file_locks, runs, sessions
from supervisor.store.engine import transaction
from supervisor.store.errors import DatabaseConflict
from supervisor.store.file_locks import FileLock, FileLockedError
from support.clocks import HandClock

At = Callable[[float], datetime]


@contextmanager
def of(engine: Engine, session_id: str) -> Iterator[Connection]:
    """Open a transaction as those do that act for a session."""
    with transaction(engine) as connection:
        sessions.lock(connection, session_id)
        yield connection


@pytest.fixture(autouse=True)
def _two_sessions(engine: Engine, session: str, at: At) -> None:  # noqa: ARG001 (the first one)
    with transaction(engine) as connection:
        sessions.add(connection, "t", "books", at=at(0))


def paths(engine: Engine, session_id: str) -> list[str]:
    with transaction(engine) as connection:
        return [lock.path for lock in file_locks.of_session(connection, session_id)]


def test_a_session_has_what_it_locked(engine: Engine, at: At) -> None:
    with of(engine, "s") as connection:
        file_locks.lock(connection, "repo", "s", ["b", "a", "b"], run_id="letters", at=at(1))
        file_locks.lock(connection, "another", "s", ["a"], at=at(2))
        named = [FileLock("repo", path, "s", "letters", "letters", at(1)) for path in "ab"]
        assert file_locks.held(connection, "repo") == named
        assert file_locks.of_session(connection, "s") == [
            FileLock("another", "a", "s", "letters", None, at(2)),
            *named,
        ]
        assert file_locks.of_session(connection, "t") == []


def test_locking_again_what_one_has_changes_nothing(engine: Engine, at: At) -> None:
    with of(engine, "s") as connection:
        file_locks.lock(connection, "repo", "s", ["a"], run_id="letters", at=at(1))
    with of(engine, "s") as connection:
        file_locks.lock(connection, "repo", "s", ["a", "b"], run_id="books", at=at(2))
        found = [(lock.path, lock.run_id, lock.acquired_at) for lock in file_locks.held(connection, "repo")]
    assert found == [("a", "letters", at(1)), ("b", "books", at(2))]


def test_a_conflict_names_every_path_and_holder_and_locks_nothing(engine: Engine, at: At) -> None:
    with of(engine, "s") as connection:
        file_locks.lock(connection, "repo", "s", ["scans/b.tiff", "scans/a.tiff"], run_id="letters", at=at(1))
        file_locks.lock(connection, "repo", "s", ["scans/\x1b[2J"], at=at(1))
    wanted = ["free", "scans/\x1b[2J", "scans/a.tiff", "scans/b.tiff"]
    with pytest.raises(FileLockedError) as caught, of(engine, "t") as connection:
        file_locks.lock(connection, "repo", "t", wanted, at=at(2))
    assert caught.value.exit_code == 3
    assert caught.value.message == (
        "already locked: scans/\\x1b[2J by session 'letters' (s); "
        "scans/a.tiff, scans/b.tiff by session 'letters' (s), run letters; nothing was locked"
    )
    assert [lock.path for lock in caught.value.conflicts] == ["scans/\x1b[2J", "scans/a.tiff", "scans/b.tiff"]
    assert paths(engine, "t") == []


def test_a_long_list_of_conflicts_is_cut(engine: Engine, at: At) -> None:
    many = [f"{number:04}" for number in range(2500)]
    with of(engine, "s") as connection:
        file_locks.lock(connection, "repo", "s", many, at=at(1))
    assert paths(engine, "s") == many
    with pytest.raises(FileLockedError) as caught, of(engine, "t") as connection:
        file_locks.lock(connection, "repo", "t", many, at=at(2))
    assert len(caught.value.conflicts) == 2500
    assert "0009 by session 'letters' (s); and 2490 more; nothing" in caught.value.message


def test_a_session_gives_back_only_what_is_its_own(engine: Engine, at: At) -> None:
    with of(engine, "s") as connection:
        file_locks.lock(connection, "repo", "s", ["a", "b"], at=at(1))
        file_locks.lock(connection, "another", "s", ["a"], at=at(1))
    with of(engine, "t") as connection:
        file_locks.unlock(connection, "repo", "t", ["a"])
        file_locks.release(connection, "t")
    assert paths(engine, "s") == ["a", "a", "b"]
    with of(engine, "s") as connection:
        file_locks.unlock(connection, "repo", "s", ["a", "never locked"])
        assert [lock.path for lock in file_locks.held(connection, "repo")] == ["b"]
        assert [lock.path for lock in file_locks.held(connection, "another")] == ["a"]
        file_locks.release(connection, "s")
    assert paths(engine, "s") == []


@pytest.mark.parametrize("end", [RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.CANCELLED])
def test_the_end_of_the_last_run_releases_in_its_transaction(
    engine: Engine, add_run: Callable[..., int], clock: HandClock, at: At, *, end: RunStatus
) -> None:
    with of(engine, "s") as connection:
        file_locks.lock(connection, "repo", "s", ["a"], run_id="one", at=at(1))
        for name in ("one", "two"):
            add_run(connection, name)
    for before in (["a"], []):
        with of(engine, "s") as connection:
            row = claims.claim(connection, "w", clock)
            assert row is not None
            runs.transition(connection, row, end, at=at(2), actor="x", event=end)
            sessions.conclude(connection, "s", at=at(2))
            assert [lock.path for lock in file_locks.of_session(connection, "s")] == before


def test_a_session_that_is_ended_by_hand_releases(engine: Engine, at: At) -> None:
    for number, outcome in enumerate((SessionStatus.COMPLETED, SessionStatus.CANCELLED)):
        with of(engine, "st"[number]) as connection:
            file_locks.lock(connection, "repo", "st"[number], ["a"], at=at(1))
            assert sessions.end(connection, "st"[number], outcome, at=at(2))
            assert file_locks.held(connection, "repo") == []
            assert not sessions.end(connection, "st"[number], SessionStatus.FAILED, at=at(3))
            ended = sessions.get(connection, "st"[number])
            assert (ended.status, ended.finished_at) == (outcome, at(2))


def test_who_wants_the_same_files_at_once_gets_all_or_none_and_never_a_deadlock(engine: Engine, at: At) -> None:
    rounds, wanted = 10, [f"{number}" for number in range(40)]
    start, end = Barrier(2), Barrier(2)

    def contend(session_id: str) -> list[str]:
        """Return what the tries came to: `taken`, or why not."""
        tries: list[str] = []
        order = random.Random(session_id)  # noqa: S311 (no secret)
        for _ in range(rounds):
            some = order.sample(wanted, 30)
            start.wait(30)
            try:
                with of(engine, session_id) as connection:
                    file_locks.lock(connection, "repo", session_id, some, at=at(1))
                tries.append("taken")
            except (FileLockedError, DatabaseConflict) as error:
                tries.append(error.message)
            end.wait(30)
            assert paths(engine, session_id) == (sorted(some) if tries[-1] == "taken" else [])
            with of(engine, session_id) as connection:
                file_locks.unlock(connection, "repo", session_id, some)
        return tries

    with ThreadPoolExecutor() as threads:
        both = [future.result(60) for future in [threads.submit(contend, name) for name in "st"]]
    # 30 and 30 of 40 always have some in common.
    assert all("already locked" in first or "already locked" in second for first, second in zip(*both, strict=True))
    assert any("taken" in tries for tries in both)
    assert not [one for tries in both for one in tries if "deadlock" in one]
    assert paths(engine, "s") == paths(engine, "t") == []


@pytest.mark.parametrize("order", ["amz", "zma"])
def test_two_who_wait_for_a_third_do_not_wait_for_each_other(
    engine: Engine, database_kind: str, at: At, order: str
) -> None:
    if database_kind == "sqlite":
        pytest.skip("writers take turns there")

    def lock(session_id: str, wanted: str) -> str:
        try:
            with of(engine, session_id) as connection:
                file_locks.lock(connection, "repo", session_id, wanted, at=at(1))
        except (FileLockedError, DatabaseConflict) as error:
            return error.message
        return "taken"

    def are_waiting() -> bool:
        with transaction(engine) as connection:
            return connection.scalar(sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted")) == 2

    with ThreadPoolExecutor() as threads:
        with transaction(engine) as connection:
            sessions.add(connection, "third", "third", at=at(0))
            file_locks.lock(connection, "repo", "third", "m", at=at(1))
            tries = [threads.submit(lock, "s", order), threads.submit(lock, "t", order[::-1])]
            assert wait_until(are_waiting, 10)
            connection.rollback()
        ends = sorted(one.result(30) for one in tries)
    assert ends[1] == "taken"
    assert ends[0].startswith("already locked: a, m, z by session"), ends[0]


def test_two_who_hold_what_the_other_wants_are_both_refused(engine: Engine, at: At) -> None:
    for session_id, path in (("s", "a"), ("t", "b")):
        with of(engine, session_id) as connection:
            file_locks.lock(connection, "repo", session_id, [path], at=at(1))
    for session_id in "st":
        with pytest.raises(FileLockedError), of(engine, session_id) as connection:
            file_locks.lock(connection, "repo", session_id, ["a", "b"], at=at(2))
    assert (paths(engine, "s"), paths(engine, "t")) == (["a"], ["b"])


def test_what_was_taken_for_a_run_goes_with_it_into_another_session(
    engine: Engine, add_run: Callable[..., int], at: At
) -> None:
    with transaction(engine) as connection:
        sessions.lock(connection, "s", "t")
        row = runs.get(connection, add_run(connection, "letters"))
        file_locks.lock(connection, "repo", "s", ["a"], run_id="letters", at=at(1))
        file_locks.lock(connection, "repo", "s", ["b"], run_id="books", at=at(1))
        file_locks.lock(connection, "another", "s", ["a"], run_id="letters", at=at(1))
        runs.move(connection, row, "t", at=at(2), actor="anna")
    assert [lock.path for lock in file_locks_of(engine, "t", "repo")] == ["a"]
    assert sorted(paths(engine, "s")) == ["a", "b"]


def file_locks_of(engine: Engine, session_id: str, repository: str) -> list[FileLock]:
    with transaction(engine) as connection:
        return [one for one in file_locks.held(connection, repository) if one.session_id == session_id]
