"""The only place that starts git: explicit directory, cleaned environment, nothing configured by a user may run."""

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, cast

from supervisor.git.errors import GitError, GitFullError, GitMissingError, GitTimeoutError, argument_text
from supervisor.room import is_full

if TYPE_CHECKING:
    from git.cmd import Git as GitPython

# `worktree add --lock --reason` came with 2.33; GIT_CONFIG_COUNT, which takes any filter's name, with 2.31.
MINIMUM_VERSION = (2, 33)
_INSTALL = "install git 2.33 or newer, for example with: apt-get install git"
_TIMEOUT_SECONDS = 600.0

# Given as command scope, which no file overrides. Each line stops a program from running, a file from being written
# outside what was asked for, or content from being changed on its way between repository and disk.
_CONFIG = {
    "advice.detachedHead": "false",
    "checkout.workers": "1",
    "commit.gpgSign": "false",
    "core.attributesFile": "/dev/null",
    "core.autocrlf": "false",
    "core.eol": "lf",
    "core.filesRefLockTimeout": "10000",
    "core.fsmonitor": "false",
    "core.hooksPath": "/dev/null",
    "core.packedRefsTimeout": "10000",
    "core.pager": "cat",
    "core.quotePath": "false",
    "core.safecrlf": "false",
    "core.splitIndex": "false",
    "core.untrackedCache": "false",
    "gc.auto": "0",
    "i18n.commitEncoding": "UTF-8",
    "maintenance.auto": "false",
    "protocol.ext.allow": "never",
    "protocol.file.allow": "never",
    "submodule.recurse": "false",
    "worktree.guessRemote": "false",
    "worktree.useRelativePaths": "false",  # true would add an extension to the user's .git/config
}
# Git, and what it may start all the same, is no business of the database's.
_SECRET = frozenset({"DATABASE_URL", "SUPERVISOR_DATABASE_URL", "PGPASSWORD"})
_IDENTITY = {"NAME": "supervisor", "EMAIL": "supervisor@localhost"}


@dataclass(frozen=True)
class GitResult:
    """How a git command ended."""

    status: int
    stdout: bytes
    stderr: str


@dataclass(frozen=True, kw_only=True)
class Git:
    """Git in one directory. Immutable, cheap, and safe to share between threads and processes.

    Attributes:
        directory: Where the command starts; absolute.
        git_dir: Given, git looks for no repository and trusts this one.
        work_tree: Belongs to `git_dir`.
        index_file: Used in place of the repository's own index.
        config: Settings on top of our own.
        filter_drivers: Content filters that are switched off; commands that read or write files of a work tree need
            them all (`with_filters_off`).
    """

    directory: Path
    git_dir: Path | None = None
    work_tree: Path | None = None
    index_file: Path | None = None
    config: tuple[tuple[str, str], ...] = ()
    filter_drivers: tuple[str, ...] = ()

    def with_filters_off(self) -> "Git":
        """Return the same with every content filter that is configured here switched off."""
        listed = self.attempt("config", "--null", "--name-only", "--get-regexp", r"^filter\.", expect=(0, 1)).stdout
        names = {os.fsdecode(name) for name in listed.split(b"\0")}
        # A driver's name may contain dots: all between the first and the last one is it.
        drivers = {name[name.index(".") + 1 : name.rindex(".")] for name in names if name.count(".") > 1}
        return replace(self, filter_drivers=tuple(sorted(drivers)))

    def run(
        self,
        *arguments: str,
        stdin: bytes | None = None,
        environment: Mapping[str, str] | None = None,
        timeout_seconds: float = _TIMEOUT_SECONDS,
    ) -> bytes:
        """Run `git *arguments` and return what it printed.

        Raises:
            GitError: It did not end with 0.
            GitTimeoutError: It took longer than `timeout_seconds`.
            GitMissingError: There is no git, or it is too old.
        """
        return self.attempt(
            *arguments, stdin=stdin, environment=environment, timeout_seconds=timeout_seconds, expect=(0,)
        ).stdout

    def line(self, *arguments: str) -> str:
        """Run `git *arguments` and return its one line of output, undecodable bytes as surrogates."""
        return os.fsdecode(self.run(*arguments).removesuffix(b"\n"))

    def attempt(
        self,
        *arguments: str,
        stdin: bytes | None = None,
        environment: Mapping[str, str] | None = None,
        timeout_seconds: float = _TIMEOUT_SECONDS,
        expect: Collection[int] | None = None,
    ) -> GitResult:
        """Run `git *arguments`; its exit status is an answer.

        Args:
            arguments: Sub-command and arguments; file names as `os.fsdecode` gives them.
            stdin: What it reads; without it, its standard input is empty.
            environment: Variables on top of the cleaned environment.
            timeout_seconds: It is killed after that time, with all it started.
            expect: The statuses that are no error; None: all that are not a signal.

        Raises:
            GitFullError: A disk is full.
            GitError: It ended in another way.
            GitTimeoutError: It took longer than `timeout_seconds`.
            GitMissingError: There is no git, or it is too old.
        """
        _require_git(shutil.which("git"))
        result = _execute(
            self._directory_options() + list(arguments),
            directory=self.directory,
            stdin=stdin,
            environment={**self._variables(), **(environment or {})},
            timeout_seconds=timeout_seconds,
        )
        if result is None:
            raise GitTimeoutError(arguments, -signal.SIGKILL, f"was killed after {timeout_seconds:g} seconds")
        if result.status < 0 or (expect is not None and result.status not in expect):
            # It says so of some files that it cannot write, in the user's language, and of others that it cannot.
            index = self.index_file.parent if self.index_file else None
            for written in (self.git_dir, self.work_tree, self.directory, index):
                if written is not None and is_full(written):
                    full = f"no room is left on the disk of {argument_text(str(written))}"
                    raise GitFullError(arguments, result.status, full)
            raise GitError(arguments, result.status, result.stderr)
        return result

    def _directory_options(self) -> list[str]:
        # GitPython falls back to the current directory where it cannot enter the given one; with -C, git complains.
        options = ["--no-pager", "-C", str(self.directory)]
        if self.git_dir is not None:
            options.append(f"--git-dir={self.git_dir}")
        if self.work_tree is not None:
            options.append(f"--work-tree={self.work_tree}")
        return options

    def _variables(self) -> dict[str, str]:
        config = [*_CONFIG.items(), *self.config]
        for driver in self.filter_drivers:
            config += [(f"filter.{driver}.{key}", "") for key in ("smudge", "clean", "process")]
            config.append((f"filter.{driver}.required", "false"))
        variables = {
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_OPTIONAL_LOCKS": "0",
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_CONFIG_COUNT": str(len(config)),
        }
        variables |= {f"GIT_{who}_{what}": text for who in ("AUTHOR", "COMMITTER") for what, text in _IDENTITY.items()}
        for number, (key, value) in enumerate(config):
            variables |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
        if self.index_file is not None:
            variables["GIT_INDEX_FILE"] = str(self.index_file)
        return variables


@cache
def _require_git(program: str | None) -> None:
    """Check once for each program found that it is a git that we can work with."""
    if program is None:
        raise GitMissingError("git is not installed, or not on PATH", hint=_INSTALL)
    result = _execute(["version"], directory=Path("/"), stdin=None, environment={}, timeout_seconds=60)
    said = result.stdout.decode(errors="replace").strip() if result else ""
    found = re.match(r"git version (\d+)\.(\d+)", said)
    if found is None:
        raise GitMissingError(f"{program} does not tell its version: {said or 'it prints nothing'}", hint=_INSTALL)
    if (int(found[1]), int(found[2])) < MINIMUM_VERSION:
        raise GitMissingError(f"{argument_text(said)} is too old", hint=_INSTALL)


@cache
def _gitpython() -> "type[GitPython]":
    # Imported late: it costs 70 ms of every command's start, runs git itself, and fails where there is none.
    from git.cmd import Git  # noqa: PLC0415 (see above)

    return Git


def _execute(
    arguments: Sequence[str],
    *,
    directory: Path,
    stdin: bytes | None,
    environment: Mapping[str, str],
    timeout_seconds: float,
) -> GitResult | None:
    """Run git; None if it was killed for taking too long.

    GitPython's own `kill_after_timeout` is not used: its timer is not cancelled by Ctrl-C, holds up the exit of the
    interpreter, and in the end kills whoever has the process id by then. A session of its own gives git no terminal to
    ask on, keeps Ctrl-C from tearing a command in the middle, and lets us end its children with it.
    """
    # GitPython can add to the environment and not take away; `env` takes away without putting values on a command line.
    unset = [name for name in os.environ if name.startswith("GIT_") and name not in environment]
    unset += [name for name in os.environ if name in _SECRET]
    cleaned = ["env", *(part for name in unset for part in ("-u", name))] if unset else []
    from git.exc import GitCommandNotFound  # noqa: PLC0415 (see _gitpython)

    try:
        started = _gitpython()(directory).execute(
            [*cleaned, "git", *arguments],
            istream=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
            as_process=True,
            env=environment,
            start_new_session=True,
        )
    except GitCommandNotFound:
        if directory.is_dir():
            raise
        # Somebody has removed it. This is what git says of one that it is told to work in.
        return GitResult(128, b"", f"fatal: cannot change to '{directory}': No such file or directory")
    process = cast("subprocess.Popen[bytes]", started.proc)
    try:
        stdout, stderr = process.communicate(stdin, timeout=timeout_seconds)
    except subprocess.TimeoutExpired:
        _kill_group(process)
        return None
    except BaseException:
        _kill_group(process)
        raise
    return GitResult(process.returncode, stdout, stderr.decode("utf-8", "replace"))


def _kill_group(process: "subprocess.Popen[bytes]") -> None:
    """End git and its children; it leads its group, and until it is reaped nobody else can have that number."""
    if process.returncode is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
