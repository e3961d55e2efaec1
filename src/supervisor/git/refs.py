"""From what a user calls a commit to its id."""

import shlex
from difflib import get_close_matches

from supervisor.git.command import Git
from supervisor.git.errors import UnknownRefError, argument_text

_LEADING = ("refs/heads/", "refs/tags/", "refs/remotes/")


def resolve(git: Git, ref: str, *, is_shallow: bool) -> str:
    """Return the commit that `ref` names; `Repository.resolve` says how."""
    if not ref or "\0" in ref:
        raise UnknownRefError("a ref is empty or holds a NUL", hint="name a branch, tag or commit, for example HEAD")
    _refuse_two_meanings(git, ref)
    for candidate in (ref, f"refs/remotes/origin/{ref}"):
        commit = _commit(git, candidate)
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


def _commit(git: Git, name: str) -> str | None:
    found = git.attempt("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    return found.stdout.decode("ascii").strip() if found.status == 0 else None


def _refuse_two_meanings(git: Git, ref: str) -> None:
    """Refuse a name that is a branch and a tag at different commits: git would silently take the tag."""
    commits = {_commit(git, f"refs/heads/{ref}"), _commit(git, f"refs/tags/{ref}")}
    if None not in commits and len(commits) > 1:
        shown = argument_text(ref)
        raise UnknownRefError(
            f"{shown!r} is both a branch and a tag", hint=f"say which: refs/heads/{shown} or refs/tags/{shown}"
        )


def _names(git: Git) -> list[str]:
    listed = git.run("for-each-ref", "--format=%(refname)", *_LEADING).decode("utf-8", "replace").splitlines()
    names = [name.removeprefix(leading) for name in listed for leading in _LEADING if name.startswith(leading)]
    return [name for name in names if not name.endswith("/HEAD")] + ["HEAD"]
