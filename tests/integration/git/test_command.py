import os
import threading
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from supervisor.errors import SurroundingsError
from supervisor.git.command import Git
from supervisor.git.errors import GitError, GitMissingError, GitTimeoutError


def test_environment_of_the_caller_does_not_reach_git(
    top: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Git(directory=top).run("version")  # what follows is about our calls, not about GitPython's own first one
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_TRACE"):
        monkeypatch.setenv(name, str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_CONFIG_PARAMETERS", "nonsense")
    monkeypatch.setenv("GIT_LITERAL_PATHSPECS", "1")
    assert Git(directory=top).line("rev-parse", "--show-toplevel") == str(top)
    assert not (tmp_path / "elsewhere").exists()


def test_values_of_the_environment_are_on_no_command_line(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_SECRET", "hunter2")
    shown = Git(directory=top).run("-c", "alias.me=!tr '\\0' ' ' < /proc/$PPID/cmdline", "me")
    assert b"hunter2" not in shown


def test_directory_that_is_gone_is_an_error_and_not_the_current_one(
    top: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(top)
    with pytest.raises(GitError, match="cannot change to"):
        Git(directory=tmp_path / "gone").run("rev-parse", "HEAD")


def test_error_names_command_and_complaint(top: Path) -> None:
    with pytest.raises(GitError, match=r"^git cat-file blob HEAD: (fatal|error): ") as caught:
        Git(directory=top).run("cat-file", "blob", "HEAD")
    assert isinstance(caught.value, SurroundingsError)
    assert "\n" not in caught.value.message
    assert caught.value.status == 128


def test_timeout_ends_git_and_what_it_started(top: Path, tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    # The grandchild keeps the pipes open; a kill of git alone would wait for it.
    alias = f"alias.slow=!sh -c 'echo $$ > {pid_file}.part; mv {pid_file}.part {pid_file}; read x < {tmp_path}/fifo'"
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(GitTimeoutError, match=r"killed after 0\.5 seconds"):
        Git(directory=top).run("-c", alias, "slow", timeout_seconds=0.5)
    grandchild = int(pid_file.read_text())
    with suppress(psutil.NoSuchProcess):
        psutil.wait_procs([psutil.Process(grandchild)], timeout=30)
        assert psutil.Process(grandchild).status() == psutil.STATUS_ZOMBIE
    assert not [thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)]


def test_git_is_not_installed(top: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(GitMissingError) as caught:
        Git(directory=top).run("version")
    assert "install git" in str(caught.value.hint)


def test_git_is_too_old(top: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = tmp_path / "old" / "git"
    old.parent.mkdir()
    old.write_text("#!/bin/sh\necho git version 2.17.1\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", f"{old.parent}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(GitMissingError, match=r"git version 2.17.1 is too old"):
        Git(directory=top).run("rev-parse", "HEAD")


def test_a_directory_that_is_gone_is_an_error_of_git(tmp_path: Path) -> None:
    with pytest.raises(GitError, match="cannot change to"):
        Git(directory=tmp_path / "gone").run("status")
