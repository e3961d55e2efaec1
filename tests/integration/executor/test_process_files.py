"""Where multiprocessing puts its sockets and semaphores while we use it."""

import multiprocessing
from collections.abc import Iterator
from multiprocessing import process, util
from pathlib import Path

import pytest

from supervisor.artifacts import layout
from supervisor.executor import process_files as module
from supervisor.executor.process_files import MEMORY_BACKED, process_files
from supervisor.locks.own_folder import OwnFolder

SETTINGS = process.current_process()._config  # type: ignore[attr-defined]  # see the module


@pytest.fixture(autouse=True)
def _unused(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Be a process that has not used multiprocessing yet."""
    monkeypatch.delitem(SETTINGS, "tempdir", raising=False)
    yield
    assert SETTINGS["semprefix"] == "/mp"


@pytest.fixture
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that stands for memory-backed storage, where semaphores are all the same; TMPDIR has too long a name."""
    monkeypatch.setattr(layout, "MEMORY_BACKED", tmp_path)
    long = tmp_path / ("x" * 100)
    long.mkdir()
    monkeypatch.setattr(module.tempfile, "tempdir", str(long))
    state = layout.machine_state()
    assert state is not None
    return state


def names_of_semaphores() -> set[str]:
    return {path.name for path in MEMORY_BACKED.glob("sem.*")}


def test_they_are_in_a_folder_of_ours_and_named_after_it(memory: Path) -> None:
    before = names_of_semaphores()
    with process_files():
        (own,) = memory.iterdir()
        assert util.get_temp_dir() == str(own)
        lock = multiprocessing.get_context("forkserver").Lock()
        made = names_of_semaphores() - before
        ours = f"-{own.name.rpartition('-')[2]}-"
        assert [name for name in made if ours in name]
        assert lock.acquire(block=False)
        del lock  # before its name goes
    assert not list(memory.iterdir())
    assert not [name for name in names_of_semaphores() if ours in name]
    assert "tempdir" not in SETTINGS


def test_a_folder_that_the_program_has_already_stays_in_use(memory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SETTINGS, "tempdir", "/somewhere")
    with process_files():
        assert util.get_temp_dir() == "/somewhere"
        assert not list(memory.iterdir())
    assert SETTINGS["tempdir"] == "/somewhere"


def test_what_logging_out_would_remove_is_not_in_memory(
    memory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module.tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(module, "_LONGEST_PLACE", len(str(tmp_path)))
    (memory / "supervisor-processes-dead").mkdir()
    with process_files():
        assert Path(util.get_temp_dir()).parent == tmp_path
    assert not list(memory.iterdir()), "what is there already goes all the same"


def test_without_memory_backed_storage_they_are_with_temporary_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "machine_state", lambda: None)
    monkeypatch.setattr(module.tempfile, "tempdir", str(tmp_path))
    with OwnFolder.make(tmp_path, "another-"), process_files():
        assert Path(util.get_temp_dir()).parent == tmp_path
