from collections.abc import Callable
from pathlib import Path

import pytest

from supervisor.errors import UsageError
from supervisor.git.errors import UnknownRefError
from supervisor.git.repository import Repository

RunGit = Callable[..., bytes]


def sha(git: RunGit, directory: Path, name: str = "HEAD") -> str:
    return git(directory, "rev-parse", f"{name}^{{commit}}").decode().strip()


def test_annotated_tag_is_peeled(top: Path, repository: Repository, git: RunGit) -> None:
    git(top, "tag", "-a", "v1.2", "-m", "tag")
    assert repository.resolve("v1.2") == sha(git, top)


def test_as_given_then_under_origin(top: Path, tmp_path: Path, git: RunGit, commit: Callable[..., str]) -> None:
    git(top, "branch", "only-there")
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", str(top), str(clone))
    newer = commit(clone, {b"x": b"x"})
    repository = Repository.discover(clone)
    assert repository.resolve("main") == newer
    assert repository.resolve("origin/main") == sha(git, top)
    assert repository.resolve("only-there") == sha(git, top, "only-there")
    assert repository.resolve("HEAD~1") == repository.resolve(newer[:10] + "^") == sha(git, top)


@pytest.mark.parametrize(
    "ref",
    [
        "",
        "-x",
        "--all",
        "--output=x",
        "-",
        "no such",
        "a..b",
        "HEAD^{tree}",
        "HEAD:README.md",
        "\0",
        "x\ny",
        "@{-1}",
        "0" * 40,
        "\udcff",
    ],
)
def test_bad_ref_is_one_line(repository: Repository, ref: str) -> None:
    with pytest.raises(UnknownRefError) as caught:
        repository.resolve(ref)
    assert isinstance(caught.value, UsageError)
    assert "\n" not in caught.value.message
    caught.value.message.encode()
    assert caught.value.hint


def test_nearest_names_are_offered(top: Path, repository: Repository, git: RunGit) -> None:
    git(top, "tag", "release-1")
    with pytest.raises(UnknownRefError, match="did you mean main"):
        repository.resolve("mian")
    with pytest.raises(UnknownRefError, match="release-1"):
        repository.resolve("relaese-1")


def test_branch_and_tag_of_one_name(top: Path, repository: Repository, git: RunGit, commit: Callable[..., str]) -> None:
    git(top, "tag", "twice")
    git(top, "branch", "twice")
    assert repository.resolve("twice") == sha(git, top)
    head = commit(top, {b"y": b"y"})
    git(top, "branch", "--force", "twice")
    with pytest.raises(UnknownRefError, match="both a branch and a tag"):
        repository.resolve("twice")
    assert repository.resolve("refs/heads/twice") == head


def test_branch_with_a_leading_dash_is_harmless(top: Path, repository: Repository, git: RunGit) -> None:
    git(top, "update-ref", "refs/heads/-d", "HEAD")
    assert repository.resolve("refs/heads/-d") == sha(git, top)


def test_abbreviation_of_several_objects(top: Path, repository: Repository, git: RunGit) -> None:
    tree = git(top, "rev-parse", "HEAD^{tree}").decode().strip()
    known: dict[str, str] = {}
    number = 0
    # Four digits are the fewest git takes; some hundred commits are enough for two that share them.
    while True:
        made = git(top, "commit-tree", "-m", str(number), tree).decode().strip()
        if made[:4] in known:
            break
        known[made[:4]] = made
        number += 1
    with pytest.raises(UnknownRefError, match="beginning of several"):
        repository.resolve(made[:4])


def test_identity_survives_merging_another_history(
    top: Path, repository: Repository, git: RunGit, commit: Callable[..., str]
) -> None:
    root = sha(git, top)
    git(top, "checkout", "--quiet", "--orphan", "other")
    commit(top, {b"other": b"o"}, "other root")
    git(top, "checkout", "--quiet", "main")
    git(top, "merge", "--quiet", "--allow-unrelated-histories", "-m", "merge", "other")
    assert repository.identity(repository.resolve("HEAD")) == root


def test_pins(top: Path, repository: Repository, git: RunGit) -> None:
    head = sha(git, top)
    branches = git(top, "branch", "-a")
    repository.pin({"nightly-1.a_b": head, "b": head})
    assert repository.pinned() == {"nightly-1.a_b": head, "b": head}
    assert git(top, "branch", "-a") == branches
    repository.unpin("b")
    repository.unpin("b")
    assert repository.pinned() == {"nightly-1.a_b": head}
