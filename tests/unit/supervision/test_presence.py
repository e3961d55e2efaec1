import fcntl
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from supervisor.artifacts.layout import RunsDirectory
from supervisor.store.supervisors import SupervisorRow
from supervisor.supervision.presence import being_present, may_be_alive, this_supervisor


@pytest.fixture
def directory(tmp_path: Path) -> RunsDirectory:
    return RunsDirectory(tmp_path)


@pytest.fixture
def someone() -> SupervisorRow:
    return this_supervisor(2)


def test_one_lives_while_it_is_present(directory: RunsDirectory, someone: SupervisorRow) -> None:
    assert not may_be_alive(directory, someone)
    with being_present(directory, someone.id):
        assert may_be_alive(directory, someone)
        # A pid means nothing in another pid namespace, and a lock of the same kernel means the same.
        assert may_be_alive(directory, replace(someone, pid_namespace="pid:[1]", pid=1))
    assert not may_be_alive(directory, someone)
    assert not may_be_alive(directory, replace(someone, pid_namespace="pid:[1]", pid=1))


@pytest.mark.parametrize(
    ("elsewhere", "alive"),
    [
        ({"boot_id": "before"}, False),
        ({"boot_id": "other", "machine_id": "other"}, True),
        ({"boot_id": "other", "host": "other"}, True),
    ],
)
def test_who_runs_on_another_kernel(
    directory: RunsDirectory, someone: SupervisorRow, elsewhere: dict[str, str], *, alive: bool
) -> None:
    assert may_be_alive(directory, replace(someone, **elsewhere)) is alive  # type: ignore[arg-type]


def test_who_comes_sweeps_up_after_the_dead_alone(directory: RunsDirectory) -> None:
    folder = directory.root / ".supervisors"
    folder.mkdir()
    (folder / "dead.lock").touch()
    with (folder / "asked.lock").open("wb") as asked, ExitStack() as stack:
        fcntl.flock(asked, fcntl.LOCK_SH)
        for name in ("one", "two"):
            stack.enter_context(being_present(directory, name))
        assert {path.name for path in folder.iterdir()} == {"one.lock", "two.lock"}
    assert list(folder.iterdir()) == []


@pytest.fixture(scope="module")
def at_every_lock() -> list[Callable[[], None]]:
    """What is called just before a file is locked."""
    called: list[Callable[[], None]] = []

    def hook(event: str, _arguments: tuple[object, ...]) -> None:
        if event == "fcntl.flock":
            for one in called:
                one()

    sys.addaudithook(hook)  # cannot be taken away again; it does nothing where the list is empty
    return called


def test_a_presence_is_never_seen_before_it_is_locked(
    directory: RunsDirectory, at_every_lock: list[Callable[[], None]]
) -> None:
    seen: list[list[Path]] = []
    at_every_lock.append(lambda: seen.append(list(directory.root.rglob("*.lock"))))
    try:
        with being_present(directory, "one"):
            assert list(directory.root.rglob("*.lock"))
    finally:
        at_every_lock.clear()
    assert seen == [[]], "who sweeps at this moment would take it for one of the dead"
