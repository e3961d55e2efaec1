import os
from pathlib import Path

import pytest

from supervisor.errors import SurroundingsError, UsageError
from supervisor.ocr.slots.machine import slots_directory


@pytest.fixture
def open_to_all(tmp_path: Path) -> Path:
    """A directory like /tmp."""
    path = tmp_path / "tmp"
    path.mkdir()
    path.chmod(0o1777)
    return path


def test_all_users_share_a_directory_where_nobody_removes_anothers_files(open_to_all: Path) -> None:
    for _ in range(2):
        found = slots_directory({}, open_to_all=(open_to_all / "missing", open_to_all))
        assert found.path.parent == open_to_all
        assert found.why_not_shared is None
        assert found.path.stat().st_mode & 0o7777 == 0o1777
    assert list(open_to_all.iterdir()) == [found.path]


def test_a_directory_that_is_not_open_to_all_is_not_shared(tmp_path: Path) -> None:
    with pytest.raises(SurroundingsError, match="open to all users"):
        slots_directory({}, open_to_all=(tmp_path,))


@pytest.mark.parametrize("trap", ["closed", "not sticky", "symbolic link", "file"])
def test_where_the_shared_one_is_not_safe_each_user_has_his_own(open_to_all: Path, tmp_path: Path, trap: str) -> None:
    shared = open_to_all / "supervisor-slots"
    match trap:
        case "closed":
            shared.mkdir(mode=0o755)
        case "not sticky":
            shared.mkdir()
            shared.chmod(0o777)
        case "symbolic link":
            (tmp_path / "elsewhere").mkdir()
            (tmp_path / "elsewhere").chmod(0o1777)
            shared.symlink_to(tmp_path / "elsewhere")
        case _:
            shared.touch()
    found = slots_directory({}, open_to_all=(open_to_all,))
    assert found.path == open_to_all / f"supervisor-slots-{os.getuid()}"
    assert found.path.stat().st_mode & 0o777 == 0o700
    assert str(shared) in (found.why_not_shared or "")


def test_an_own_directory_that_others_can_enter_is_refused(open_to_all: Path) -> None:
    (open_to_all / "supervisor-slots").touch()
    (open_to_all / f"supervisor-slots-{os.getuid()}").mkdir(mode=0o755)
    with pytest.raises(SurroundingsError, match="safe"):
        slots_directory({}, open_to_all=(open_to_all,))


def test_the_environment_decides(tmp_path: Path) -> None:
    chosen = tmp_path / "a" / "b"
    assert slots_directory({"SUPERVISOR_SLOTS_DIR": str(chosen)}).path == chosen
    assert chosen.is_dir()


def test_a_relative_path_would_mean_something_else_to_every_process() -> None:
    with pytest.raises(UsageError, match="absolute"):
        slots_directory({"SUPERVISOR_SLOTS_DIR": "slots"})
