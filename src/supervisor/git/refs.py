"""From what a user calls a commit to its id."""

import os
import shlex
from collections.abc import Sequence
from difflib import get_close_matches

from supervisor.git.command import Git
from supervisor.git.errors import UnknownRefError, argument_text

_LEADING = ("refs/heads/", "refs/tags/", "refs/remotes/")


def resolve(git: Git, ref: str, *, is_shallow: bool) -> str:
    """Return the commit that `ref` names; `Repository.resolve` says how."""
    if not ref or "\0" in ref:
        raise UnknownRefError("a ref is empty or holds a NUL", hint="name a branch, tag or commit, for example HEAD")
    names = (ref, f"refs/heads/{ref}", f"refs/tags/{ref}", f"refs/remotes/origin/{ref}")
    as_given, branch, tag, under_origin = _commits(git, names)
    if branch and tag and branch != tag:  # git would silently take the tag
        shown = argument_text(ref)
        raise UnknownRefError(
            f"{shown!r} is both a branch and a tag", hint=f"say which: refs/heads/{shown} or refs/tags/{shown}"
        )
    commit = as_given or under_origin
    if commit is not None:
        return commit
    shown = argument_text(ref)
    same_start = git.attempt("rev-parse", f"--disambiguate={ref}").stdout.split() if ref.isalnum() else []
    if len(same_start) > 1:
        raise UnknownRefError(f"{shown!r} is the beginning of several object ids", hint="give more of its digits")
    if is_shallow:
        raise UnknownRefError(
            f"{shown!r} names no commit in this shallow clone",
            hint="fetch more with: git fetch --unshallow --tags origin '+refs/heads/*:refs/remotes/origin/*'",
        )
    near = get_close_matches(ref, _names(git), n=3)
    meant = f"; did you mean {' or '.join(shlex.quote(argument_text(name)) for name in near)}?" if near else ""
    raise UnknownRefError(f"{shown!r} names no commit here{meant}", hint="list the refs with: git branch -a; git tag")


def first_commit(git: Git, commit: str) -> str:
    """Return the root that first parents lead to: it stays the same when other histories are merged in."""
    return git.line("rev-list", "--first-parent", "--max-parents=0", "--end-of-options", commit)


def _commits(git: Git, names: Sequence[str]) -> list[str | None]:
    """Return the commit that each name leads to, None where there is none."""
    if any("\n" in name for name in names):
        return [None] * len(names)  # no name of git's has lines
    asked = "".join(f"{name}^{{commit}}\n" for name in names)
    # It gives up at a name such as main@{9} if that history is shorter.
    told = git.attempt("cat-file", "--batch-check=%(objecttype) %(objectname)", stdin=os.fsencode(asked)).stdout
    answers = dict(zip(names, told.split(b"\n"), strict=False))
    return [_commit(answers.get(name, b"")) for name in names]


def _commit(answer: bytes) -> str | None:
    match answer.split(b" "):
        case [b"commit", commit]:
            return commit.decode("ascii")
        case _:
            return None  # "name missing", "name ambiguous"


def _names(git: Git) -> list[str]:
    listed = git.run("for-each-ref", "--format=%(refname)", *_LEADING).decode("utf-8", "replace").splitlines()
    names = [name.removeprefix(leading) for name in listed for leading in _LEADING if name.startswith(leading)]
    return [name for name in names if not name.endswith("/HEAD")] + ["HEAD"]
