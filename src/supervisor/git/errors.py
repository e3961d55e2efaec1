"""What can go wrong between us and git."""

import shlex
import signal
from collections.abc import Sequence

from supervisor.errors import HeldError, NoRoomError, SurroundingsError, UsageError
from supervisor.model.paths import path_text, printable

_LONGEST_COMMAND = 160


def argument_text(argument: str) -> str:
    """Return an argument or path from the file system as text that can be printed anywhere, on one line."""
    return printable(path_text(argument.encode("utf-8", "surrogateescape")))


class GitError(SurroundingsError):
    """A git command failed for a reason that is not the user's choice of words.

    Attributes:
        command: The arguments, without options that we always add.
        status: Its exit status; negative where a signal ended it.
        stderr: All that it said.
    """

    def __init__(self, command: Sequence[str], status: int, stderr: str, *, hint: str | None = None) -> None:
        shown = argument_text(shlex.join(["git", *command]))
        if len(shown) > _LONGEST_COMMAND:
            shown = shown[: _LONGEST_COMMAND - 1] + "…"
        super().__init__(f"{shown}: {last_complaint(stderr) or _ended(status)}", hint=hint)
        self.command = tuple(command)
        self.status = status
        self.stderr = stderr


class GitFullError(GitError, NoRoomError):
    """A git command failed, and a disk that it writes to has no room left."""


class GitTimeoutError(GitError):
    """A git command did not end in time and was killed."""


class GitMissingError(SurroundingsError):
    """There is no git, or one that is too old."""


class NotARepositoryError(UsageError):
    """The directory is in no git repository."""


class NoCommitError(UsageError):
    """The repository has no commit yet, so there is nothing to run on."""


class UntrustedRepositoryError(SurroundingsError):
    """Git refuses to work in a repository that it thinks another user could have prepared."""


class CommitMissingError(SurroundingsError):
    """A commit is known by its id, and this repository does not have it."""

    def __init__(self, commit: str) -> None:
        super().__init__(f"commit {commit[:12]} is not in this repository", hint="git fetch --all")


class NoWorkTreeError(UsageError):
    """A work tree is needed, and the repository is bare."""


class UnknownRefError(UsageError):
    """A ref names no commit here, or more than one."""


class PatternError(UsageError):
    """A document pattern cannot match anything inside a repository."""


class MetadataHeldError(HeldError):
    """Another process keeps the lock for the repository's worktree metadata."""


class WorkspaceInUseError(UsageError):
    """A workspace that should be made anew has work in it.

    Attributes:
        work: What is in it, one sentence each.
    """

    def __init__(self, path: str, work: Sequence[str]) -> None:
        super().__init__(
            f"the workspace {path} has work in it: {'; '.join(work)}",
            hint=f"look with: git -C {shlex.quote(path)} status --ignored; "
            "supervisor cleanup --force saves and removes it",
        )
        self.work = tuple(work)


def _ended(status: int) -> str:
    if status >= 0:
        return f"ended with status {status}"
    return f"was killed by {signal.Signals(-status).name}"


def last_complaint(stderr: str) -> str:
    """Return the line that says what went wrong: the last `fatal:` or `error:`, else the last one.

    Advice follows the complaint in several git commands, so the very last line often is not it.
    """
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    complaints = [line for line in lines if line.startswith(("fatal:", "error:"))]
    return (complaints or lines or [""])[-1]
