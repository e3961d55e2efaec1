import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from supervisor.git.metadatalock import metadata_lock
from supervisor.git.repository import Repository

RunGit = Callable[..., bytes]


@pytest.mark.parametrize(
    "name",
    [
        ".autonomous_runs",
        "#hash",
        "!bang",
        "ends ",
        "st*r",
        "qu?estion",
        "br[ack]et",
        "back\\slash",
        "new\nline",
        "\udcff",
        "ü",
    ],
)
def test_directory_and_nothing_else_vanishes_from_status(
    top: Path, repository: Repository, git: RunGit, name: str
) -> None:
    exclude = top / ".git" / "info" / "exclude"
    exclude.write_bytes(b"*.tmp")  # no newline at its end
    directory = top / "out" / name
    directory.mkdir(parents=True)
    (directory / "control.db").write_bytes(b"")
    for other in ("out/stXr", "out/quXestion", "out/b", "out/deeper/.autonomous_runs"):
        (top / other).mkdir(parents=True)
        (top / other / "seen").write_bytes(b"")
    repository.exclude_from_status(directory)
    repository.exclude_from_status(directory)
    status = git(top, "status", "--porcelain", "-z", "--untracked-files=all").split(b"\0")[:-1]
    assert len(status) == 4
    assert all(line.endswith(b"/seen") for line in status)
    lines = exclude.read_bytes().splitlines()
    assert lines[0] == b"*.tmp"
    assert len(lines) == 2


def test_what_is_excluded_already_waits_for_nobody(top: Path, repository: Repository) -> None:
    repository.exclude_from_status(top / "runs")
    with metadata_lock(repository.common_dir):
        looking = threading.Thread(target=repository.exclude_from_status, args=(top / "runs",), daemon=True)
        looking.start()
        looking.join(10)
        assert not looking.is_alive()


def test_elsewhere_nothing_is_written(top: Path, tmp_path: Path, repository: Repository, git: RunGit) -> None:
    exclude = top / ".git" / "info" / "exclude"
    before = exclude.read_bytes()
    repository.exclude_from_status(tmp_path / "runs")
    repository.exclude_from_status(top)
    repository.exclude_from_status(tmp_path / "archive-2")
    assert exclude.read_bytes() == before
    git(tmp_path, "clone", "--quiet", "--bare", str(top), "bare.git")
    Repository.discover(tmp_path / "bare.git").exclude_from_status(tmp_path / "bare.git" / "runs")


def test_folder_of_exclude_may_be_missing(top: Path, repository: Repository) -> None:
    (top / ".git" / "info" / "exclude").unlink()
    (top / ".git" / "info").rmdir()
    repository.exclude_from_status(top / "runs")
    assert (top / ".git" / "info" / "exclude").read_bytes() == b"/runs/\n"


def test_in_a_linked_worktree(top: Path, tmp_path: Path, git: RunGit) -> None:
    git(top, "worktree", "add", "--quiet", str(tmp_path / "linked"))
    (tmp_path / "linked" / "runs").mkdir()
    (tmp_path / "linked" / "runs" / "x").write_bytes(b"")
    Repository.discover(tmp_path / "linked").exclude_from_status(tmp_path / "linked" / "runs")
    assert git(tmp_path / "linked", "status", "--porcelain") == b""


def test_many_starters_lose_no_line(top: Path, repository: Repository) -> None:
    starters = [
        threading.Thread(target=repository.exclude_from_status, args=(top / f"runs-{number % 12}",))
        for number in range(24)
    ]
    for starter in starters:
        starter.start()
    for starter in starters:
        starter.join()
    lines = (top / ".git" / "info" / "exclude").read_bytes().splitlines()
    assert b"" not in lines
    assert sorted(line for line in lines if line.startswith(b"/runs-")) == sorted(
        os.fsencode(f"/runs-{number}/") for number in range(12)
    )
