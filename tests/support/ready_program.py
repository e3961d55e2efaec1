"""The command `supervisor` without its start: forked off a process that has imported all of it.

Most commands import for four tenths of a second, and work for less than one. What they are then is all the same: a
process, and a session, of their own, with the directory, environment and streams that they are given.
"""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from typing import Any

# What the fork server and page processes import is theirs.
PACKAGES = ("supervisor.cli", "supervisor.supervision", "supervisor.store", "supervisor.executor.forkserver")
SPARED = "supervisor.store.migrations"


class ReadyProgram:
    """Runs commands, one after the other; `running_program` makes it."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def run(
        self,
        arguments: Sequence[str],
        *,
        folder: Path,
        environment: Mapping[str, str],
        out: Path,
        err: Path,
        seconds: float,
    ) -> int:
        """Run a command with nothing to read, and return how it ended, as `subprocess.Popen.returncode` tells it.

        Args:
            arguments: Without the name of the program.
            folder: Where it is started.
            environment: All of it.
            out: The file that gets its standard output.
            err: The file that gets its errors.
            seconds: How long it may take; then it is killed, with its process group.

        Raises:
            subprocess.TimeoutExpired: It took longer.
        """
        request = {
            "arguments": list(arguments),
            "folder": str(folder),
            "environment": dict(environment),
            "out": str(out),
            "err": str(err),
        }
        assert self._process.stdin
        self._process.stdin.write(f"{json.dumps(request)}\n".encode())
        self._process.stdin.flush()
        pid = self._answer()
        assert self._process.stdout
        if not select.select([self._process.stdout], [], [], seconds)[0]:
            os.killpg(pid, signal.SIGKILL)
            self._answer()
            raise subprocess.TimeoutExpired(list(arguments), seconds)
        return self._answer()

    def _answer(self) -> int:
        assert self._process.stdout
        line = self._process.stdout.readline()
        assert line, "what commands are forked off has ended"
        return int(line)


@contextmanager
def running_program() -> Iterator[ReadyProgram]:
    """Have the program ready; commands can be asked for at once."""
    with subprocess.Popen(
        [sys.executable, __file__],
        bufsize=0,  # so that what can be read is seen to be there
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        yield ReadyProgram(process)


def serve() -> None:
    """Fork a command off for every line that is read; return in each of these, and at the end."""
    for name in PACKAGES:
        package = import_module(name)
        for module in walk_packages(getattr(package, "__path__", ()), f"{name}."):
            if not module.name.startswith(SPARED):
                import_module(module.name)
    for line in sys.stdin.buffer:
        pid = os.fork()
        if pid == 0:
            become(json.loads(line))
            return
        answer(pid)
        _, status = os.waitpid(pid, 0)
        answer(os.waitstatus_to_exitcode(status))


def answer(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


def become(request: Mapping[str, Any]) -> None:
    """Be what was asked for from here on."""
    os.setsid()
    for number, path in enumerate((os.devnull, request["out"], request["err"])):
        opened = os.open(path, os.O_WRONLY if number else os.O_RDONLY)
        os.dup2(opened, number)
        os.close(opened)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    time.tzset()
    sys.argv = ["supervisor", *request["arguments"]]


if __name__ == "__main__":
    serve()
    if sys.argv[0] == "supervisor":
        import_module("supervisor.cli.main").main()
