import hashlib
import os
from pathlib import Path

import pytest

from supervisor.locks.lease import WorkspaceLease, list_leases
from supervisor.locks.lockfile import LockHeldError


def lease(runs_dir: Path, run_id: str = "a") -> WorkspaceLease:
    return WorkspaceLease(runs_dir, runs_dir / "workspaces" / "a", run_id=run_id, term=2)


def test_a_lease_is_kept_under_the_digest_of_the_absolute_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    digest = hashlib.sha256(str(tmp_path / "w").encode()).hexdigest()
    with WorkspaceLease(Path(), Path("w"), run_id="a"):
        assert (tmp_path / ".workspace_leases" / f"{digest}.lock").exists()
        assert (tmp_path / ".workspace_leases" / f"{digest}.json").exists()


def test_a_workspace_has_one_user(tmp_path: Path) -> None:
    first, second = lease(tmp_path), lease(tmp_path, "b")
    with first:
        holder = second.holder()
        assert holder is not None
        assert (holder.run_id, holder.term, holder.workspace) == ("a", 2, str(tmp_path / "workspaces" / "a"))
        with pytest.raises(LockHeldError) as caught:
            second.acquire()
        assert caught.value.message == (f"workspace {tmp_path}/workspaces/a is in use by run 'a' ({holder.describe()})")
        assert not second.close()
        first.note_process_group(os.getpid())
        holder = second.holder()
        assert holder is not None
        assert holder.process_group == os.getpid()
    assert second.holder() is None
    with second.acquire() as again:
        assert again.fileno() > 2
    assert second.close()


def test_leases_are_listed_by_path(tmp_path: Path) -> None:
    assert list_leases(tmp_path) == []
    held = lease(tmp_path).acquire()
    free = WorkspaceLease(tmp_path, tmp_path / "workspaces" / "b", run_id="b").acquire()
    assert free.close()
    states = list_leases(tmp_path)
    assert [(state.name, state.holder.run_id) for state in states if state.held and state.holder] == [
        (str(tmp_path / "workspaces" / "a"), "a")
    ]
    assert [state.path.stem for state in states if not state.held] == [free.file.path.stem]
    assert held.close()


def test_a_lease_that_is_not_held_has_no_descriptor(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not held"):
        lease(tmp_path).fileno()


def test_a_lease_that_nobody_holds_is_released_at_once(tmp_path: Path) -> None:
    lease(tmp_path).acquire().close()
    assert lease(tmp_path).release() is None
