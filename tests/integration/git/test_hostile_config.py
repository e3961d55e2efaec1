"""Nothing that a user, a distribution or an attacker has configured may run, or change what we read and write."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from supervisor.git.repository import Repository
from supervisor.git.workspaces import WorkspaceManager

DRIVERS = ("lfs", "evil", "a.b.c", "odd=name", "with space", 'quo"te')


@pytest.fixture
def trap(tmp_path: Path) -> Path:
    """A program that leaves a trace when it runs."""
    program = tmp_path / "trap"
    program.write_text(f"#!/bin/sh\necho \"$0 $*\" >> '{tmp_path}/sprung'\ncat\nexit 1\n")
    program.chmod(0o755)
    return program


@pytest.fixture
def hostile(home: Path, tmp_path: Path, trap: Path, git: Callable[..., bytes]) -> Callable[[], None]:
    """Return what makes the home hostile, once the repository is made."""
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    for name in ("post-checkout", "post-index-change", "reference-transaction", "pre-commit", "post-commit"):
        (hooks / name).symlink_to(trap)
    (home / "attributes").write_text("* filter=evil text eol=crlf\n")
    settings = {
        "core.fsmonitor": str(trap),
        "core.hooksPath": str(hooks),
        "core.pager": str(trap),
        "core.editor": str(trap),
        "core.sshCommand": str(trap),
        "core.askPass": str(trap),
        "core.attributesFile": str(home / "attributes"),
        "core.autocrlf": "true",
        "core.safecrlf": "true",
        "core.quotePath": "true",
        "core.sparseCheckout": "true",
        "core.sparseCheckoutCone": "true",
        "core.splitIndex": "true",
        "core.untrackedCache": "true",
        "core.commitGraph": "false",
        "alias.status": f"!{trap}",
        "alias.worktree": f"!{trap}",
        "pager.status": str(trap),
        "pager.show": str(trap),
        "credential.helper": str(trap),
        "submodule.recurse": "true",
        "checkout.workers": "8",
        "feature.manyFiles": "true",
        "index.sparse": "true",
        "status.showUntrackedFiles": "no",
        "status.renames": "copies",
        "status.relativePaths": "true",
        "status.branch": "true",
        "status.showStash": "true",
        "init.defaultRefFormat": "reftable",
        "init.defaultObjectFormat": "sha256",
        "diff.noprefix": "true",
        "diff.renames": "copies",
        "diff.relative": "true",
        "diff.external": str(trap),
        "diff.ignoreSubmodules": "all",
        "diff.orderFile": str(home / "order"),
        "log.showSignature": "true",
        "log.date": "relative",
        "commit.gpgSign": "true",
        "gpg.program": str(trap),
        "user.useConfigOnly": "true",
        "i18n.commitEncoding": "latin1",
        "worktree.guessRemote": "true",
        "worktree.useRelativePaths": "true",
        "advice.detachedHead": "true",
        "color.ui": "always",
        "column.ui": "always",
    }
    (home / "order").write_text("*.toml\nletters/*\n")

    def make() -> None:
        for key, value in settings.items():
            git(home, "config", "--global", key, value)
        git(home, "config", "--global", "--unset-all", "user.name")
        git(home, "config", "--global", "--unset-all", "user.email")
        for driver in DRIVERS:
            for key in ("clean", "smudge", "process"):
                git(home, "config", "--global", f"filter.{driver}.{key}", str(trap))
            git(home, "config", "--global", f"filter.{driver}.required", "true")

    return make


@pytest.fixture
def filtered(top: Path, git: Callable[..., bytes]) -> Path:
    """A repository whose own attributes ask for filters."""
    (top / ".gitattributes").write_text("*.tiff filter=evil\n*.pdf filter=a.b.c\n*.md filter=odd=name\n*.toml text\n")
    (top / "ocr-jobs" / "crlf.toml").write_bytes(b"mixed = 1\r\nlines = 2\n")
    git(top, "add", "--all")
    git(top, "commit", "--quiet", "-m", "attributes")
    return top


def test_nothing_runs_and_nothing_changes(filtered: Path, tmp_path: Path, hostile: Callable[[], None]) -> None:
    config = (filtered / ".git" / "config").read_bytes()
    hostile()
    repository = Repository.discover(filtered / "scans")
    head = repository.resolve("HEAD")
    patterns = ["**/*.tiff", "**/*.pdf", "**/*.toml"]
    files = repository.files(head, patterns)
    assert [file.path for file in files] == sorted(file.path for file in files)
    assert {file.path for file in files} >= {b"scans/a.tiff", b"scans/B.TIFF", b"letters/d.pdf"}
    assert repository.uncommitted(patterns) == []

    (filtered / "scans" / "a.tiff").write_bytes(b"new\r\ncontent")
    (filtered / "scans" / "new.tiff").write_bytes(b"line\r\n")
    (filtered / "ocr-jobs" / "crlf.toml").write_bytes(b"other\r\n")
    assert [change.path for change in repository.uncommitted(patterns)] == [
        b"ocr-jobs/crlf.toml",
        b"scans/a.tiff",
        b"scans/new.tiff",
    ]
    taken = repository.snapshot(patterns, [])
    assert repository.read(taken, "scans/a.tiff") == b"new\r\ncontent"
    assert repository.read(taken, "scans/new.tiff") == b"line\r\n"
    repository.pin({"r": taken})

    manager = WorkspaceManager(repository, tmp_path / "runs")
    path = manager.create("r", taken, [file.path for file in files])
    assert (path / "scans" / "a.tiff").read_bytes() == b"new\r\ncontent"
    assert (path / "letters" / "d.pdf").read_bytes() == b"d"
    state = manager.inspect("r")
    assert state is not None
    assert state.work == ()
    assert not list((filtered / ".git").rglob("sharedindex.*"))
    assert manager.remove("r").removed
    repository.unpin("r")

    assert not (tmp_path / "sprung").exists(), (tmp_path / "sprung").read_text()
    assert (filtered / ".git" / "config").read_bytes() == config
    subprocess.run(["git", "-C", str(filtered), "diff"], check=False, capture_output=True)
    assert (tmp_path / "sprung").exists(), "the trap does not work"
