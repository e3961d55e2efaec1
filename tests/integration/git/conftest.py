import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from supervisor.git.repository import Repository
from supervisor.git.workspaces import WorkspaceManager

RunGit = Callable[..., bytes]


def run_git(directory: Path, *arguments: str | bytes, stdin: bytes | None = None) -> bytes:
    """Plain git as a user types it."""
    command = ["git", "-C", str(directory), *arguments]
    done = subprocess.run(command, input=stdin, capture_output=True, check=False)
    assert done.returncode == 0, (command, done.stderr.decode())
    return done.stdout


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of our own, with nothing in it but a name: no setting of the machine decides a test."""
    directory = tmp_path / "home"
    directory.mkdir()
    (directory / ".gitconfig").write_text(
        "[user]\n\tname = T\n\temail = t@example.org\n[init]\n\tdefaultBranch = main\n"
    )
    monkeypatch.setenv("HOME", str(directory))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    return directory


@pytest.fixture
def git() -> RunGit:
    return run_git


@pytest.fixture
def commit() -> Callable[[Path, dict[bytes, bytes]], str]:
    """Write files (path: content) and commit them; return the commit."""

    def make(directory: Path, files: dict[bytes, bytes], message: str = "files") -> str:
        for name, content in files.items():
            path = directory / os.fsdecode(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        run_git(directory, "add", "--all")
        run_git(directory, "commit", "--quiet", "-m", message)
        return run_git(directory, "rev-parse", "HEAD").decode().strip()

    return make


# Names that patterns, quoting and line-based protocols trip over.
ODD_NAMES = (
    b"scans/star*.png",
    b"scans/br[a]cket.png",
    b"scans/que?tion.png",
    b"scans/back\\slash.png",
    b"scans/new\nline.png",
    b"scans/ space .png",
    b"scans/#hash.png",
    b"scans/!bang.png",
    b"scans/:colon.png",
    b"scans/\xff\xfe.png",
    "scans/ü.png".encode(),
    b'scans/"quote".png',
    b"-dash.png",
)


@pytest.fixture
def odd_names() -> tuple[bytes, ...]:
    return ODD_NAMES


@pytest.fixture
def top(tmp_path: Path, commit: Callable[[Path, dict[bytes, bytes]], str]) -> Path:
    """A repository with one commit."""
    directory = tmp_path / "archive"
    directory.mkdir()
    run_git(directory, "init", "--quiet")
    commit(
        directory,
        {
            b"scans/a.tiff": b"a",
            b"scans/B.TIFF": b"b",
            b"scans/deep/c.tiff": b"c",
            b"letters/d.pdf": b"d",
            b"ocr-jobs/default.toml": b"version = 1\n",
            b"ocr-jobs/books/x.toml": b"x",
            b"README.md": b"readme",
        },
    )
    return directory


@pytest.fixture
def repository(top: Path) -> Repository:
    return Repository.discover(top)


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    return tmp_path / "runs dir"


@pytest.fixture
def manager(repository: Repository, runs: Path) -> WorkspaceManager:
    return WorkspaceManager(repository, runs)
