import hashlib
import os
from collections.abc import Callable
from pathlib import Path

from supervisor.git.repository import Repository

RunGit = Callable[..., bytes]


def found(directory: Path, *patterns: str, exclude: tuple[str, ...] = ()) -> dict[bytes, str]:
    changes = Repository.discover(directory).uncommitted(patterns or ("**",), exclude)
    assert changes == sorted(changes)
    return {change.path: change.change for change in changes}


def test_each_kind(top: Path, git: RunGit) -> None:
    assert found(top) == {}
    (top / ".git" / "info" / "exclude").write_text("*.log\n")
    (top / "scans" / "ignored.log").write_bytes(b"")
    (top / "scans" / "new.TIFF").write_bytes(b"")
    (top / "scans" / "staged.tiff").write_bytes(b"")
    git(top, "add", "scans/staged.tiff")
    (top / "scans" / "a.tiff").write_bytes(b"changed")
    (top / "scans" / "B.TIFF").unlink()
    git(top, "rm", "--quiet", "letters/d.pdf")
    git(top, "rm", "--quiet", "--cached", "README.md")
    (top / "scans" / "intended.tiff").write_bytes(b"")
    git(top, "add", "--intent-to-add", "scans/intended.tiff")
    expected = {
        b"scans/new.TIFF": "new",
        b"scans/staged.tiff": "new",
        b"scans/intended.tiff": "new",
        b"scans/a.tiff": "changed",
        b"scans/B.TIFF": "deleted",
        b"letters/d.pdf": "deleted",
        b"README.md": "changed",
    }
    assert found(top) == expected
    assert found(top / "scans", "scans/*.tiff", exclude=("**/new.*",)) == {
        path: kind for path, kind in expected.items() if path.startswith(b"scans/") and b"new." not in path
    }
    assert Repository.discover(top).uncommitted([]) == []


def test_added_and_deleted_again_is_nothing(top: Path, git: RunGit) -> None:
    (top / "gone.tiff").write_bytes(b"")
    git(top, "add", "gone.tiff")
    (top / "gone.tiff").unlink()
    assert found(top) == {}


def test_moved_file_is_deleted_and_new(top: Path, git: RunGit) -> None:
    git(top, "config", "status.renames", "copies")
    git(top, "mv", "scans/a.tiff", "scans/z.tiff")
    assert found(top) == {b"scans/a.tiff": "deleted", b"scans/z.tiff": "new"}


def test_conflict(top: Path, git: RunGit, commit: Callable[..., str]) -> None:
    git(top, "checkout", "--quiet", "-b", "side")
    commit(top, {b"scans/a.tiff": b"side"})
    git(top, "checkout", "--quiet", "main")
    commit(top, {b"scans/a.tiff": b"main"})
    git(top, "config", "alias.try-merge", "!git merge side || true")
    git(top, "try-merge")
    assert found(top) == {b"scans/a.tiff": "changed"}


def test_odd_names_and_inner_repositories(top: Path, git: RunGit, odd_names: tuple[bytes, ...]) -> None:
    for name in odd_names:
        (top / os.fsdecode(name)).write_bytes(b"x")
    git(top, "init", "--quiet", "scans/inner")
    (top / "scans" / "inner" / "x.png").write_bytes(b"")
    assert found(top, "**/*.png") == found(top, "**") == dict.fromkeys(odd_names, "new")


def test_reading_leaves_the_index_alone(top: Path) -> None:
    index = top / ".git" / "index"
    os.utime(top / "scans" / "a.tiff", (1, 1))
    before = index.read_bytes()
    assert found(top) == {}
    assert index.read_bytes() == before


def test_bare_has_none(top: Path, tmp_path: Path, git: RunGit) -> None:
    git(tmp_path, "clone", "--quiet", "--bare", str(top), "bare.git")
    assert Repository.discover(tmp_path / "bare.git").uncommitted(["**"]) == []


def test_linked_worktree_is_the_one_looked_at(top: Path, tmp_path: Path, git: RunGit) -> None:
    git(top, "worktree", "add", "--quiet", str(tmp_path / "linked"))
    (top / "scans" / "here.tiff").write_bytes(b"")
    (tmp_path / "linked" / "scans" / "there.tiff").write_bytes(b"")
    assert found(tmp_path / "linked") == {b"scans/there.tiff": "new"}
    assert found(top / ".git") == {b"scans/here.tiff": "new"}


def test_fetched_lfs_file_is_no_change(top: Path, git: RunGit, commit: Callable[..., str]) -> None:
    content = b"the large file" * 1000
    oid = hashlib.sha256(content).hexdigest()
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {len(content)}\n".encode()
    head = commit(top, {b"scans/large.tiff": pointer, b"scans/other.tiff": pointer})
    git(top, "config", "filter.lfs.clean", "false")
    (top / ".git" / "info" / "attributes").write_text("*.tiff filter=lfs\n")
    (top / "scans" / "large.tiff").write_bytes(content)
    (top / "scans" / "other.tiff").write_bytes(content + b"changed")
    assert found(top) == {b"scans/other.tiff": "changed"}
    repository = Repository.discover(top)
    taken = repository.snapshot(["scans/*"], [])
    assert repository.read(taken, "scans/large.tiff") == pointer
    assert repository.read(taken, "scans/other.tiff") == content + b"changed"
    (top / "scans" / "other.tiff").write_bytes(content)
    assert repository.snapshot(["scans/*"], []) == head
