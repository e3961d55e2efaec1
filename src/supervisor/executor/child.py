"""An executor as its supervisor sees it: started from the fork server, listened to, stopped, reaped."""

import os
import signal
import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

from supervisor.artifacts.log_pump import LogPump
from supervisor.artifacts.logs import LineFile
from supervisor.errors import SurroundingsError
from supervisor.executor.forkserver import ensure_fork_server, fork_context
from supervisor.executor.launch import execute
from supervisor.executor.messages import Message, Start, Stop, receive, send
from supervisor.locks.descriptor import PassedDescriptor
from supervisor.locks.processes import end_process, end_process_group, is_running, started_at

_LAST_WORDS_SECONDS = 5.0
_FORK_SERVER_GONE = 255  # what multiprocessing makes of it


class Executor:
    """One executor process, its pipe and its log."""

    def __init__(self, start: Start, *, run_lock: int, lease: int, log: Path) -> None:
        """Start it and give it its start message.

        Args:
            start: What to do.
            run_lock: Locked descriptor; the executor keeps a copy.
            lease: The same, of the workspace.
            log: Where its output goes.

        Raises:
            SurroundingsError: The system cannot start another process.
        """
        ensure_fork_server(os.environ)
        context = fork_context()
        self.connection, theirs = context.Pipe()
        of_run = {"run_id": start.run_id, "attempt": start.attempt, "lease_term": start.lease_term}
        file = LineFile(log)
        file.open()
        self._pump = LogPump(file, **of_run)
        arguments = (theirs, PassedDescriptor(run_lock), PassedDescriptor(lease), PassedDescriptor(self._pump.writer))
        self._process = context.Process(target=execute, args=arguments, name=start.run_id)
        try:
            try:
                with _nameless_main_module():
                    self._process.start()
            finally:
                # Before anything is sent: with a reading end of ours, a dead executor would leave us writing for ever.
                theirs.close()
                self._pump.close_writer()
            send(self.connection, start)
        except OSError as error:
            self.connection.close()
            raise SurroundingsError(f"cannot start an executor for run {start.run_id!r}: {error}") from error
        if self._process.pid is None:
            raise RuntimeError("a process that was started has a pid")
        self.pid = self._process.pid
        self._hung_up = False
        self._reaped = False
        self._started_at = started_at(self.pid)

    def waitables(self) -> list[Connection | int]:
        """Return what becomes readable when it says something or ends, for `multiprocessing.connection.wait`.

        The end is told by the fork server. Where that died first, it is only seen by looking from time to time.
        """
        told: list[Connection | int] = [] if self._process.exitcode is not None else [self._process.sentinel]
        return told if self._hung_up else [self.connection, *told]

    def messages(self) -> Iterator[Message]:
        """Yield the messages that have arrived, without waiting for further ones."""
        try:
            while not self._hung_up and self.connection.poll():
                yield receive(self.connection)
        except (EOFError, OSError):
            self._hung_up = True
        except (ValueError, KeyError, TypeError):
            # Whatever it is that talks there, it is not what we started: its end is judged without its words.
            self._pump.log.exception("the executor says what no executor says", pid=self.pid)
            self._hung_up = True

    def stop(self) -> None:
        """Ask it to start no further page."""
        try:
            send(self.connection, Stop())
        except OSError:
            # It has ended already; reaping it tells how.
            return

    def has_ended(self) -> bool:
        """Tell whether the process has ended; asks the system, since the fork server may be gone or hang."""
        return self._started_at is None or not is_running(self.pid, self._started_at)

    def kill(self, *, grace_seconds: float) -> None:
        """End it with all that it started; blocks until nothing is left.

        Raises:
            SurroundingsError: Something outlived SIGKILL.
        """
        if self._started_at is None or self._reaped:
            return
        gone = end_process_group(self.pid, self._started_at, grace_seconds=grace_seconds)
        if gone and is_running(self.pid, self._started_at):
            # It is so young that it does not lead its group yet, which was found empty.
            gone = end_process(self.pid, self._started_at, grace_seconds=0)
            gone = gone and end_process_group(self.pid, self._started_at, grace_seconds=0)
        if not gone:
            raise SurroundingsError(
                f"processes of executor {self.pid} cannot be ended",
                hint=f"look at them with: ps -o pid,stat,wchan,cmd -g {self.pid}",
            )

    def reap(self) -> str | None:
        """Clean up after a process that has ended, its descendants included.

        Returns:
            How it died, in words; None if it ended by itself.
        """
        self.kill(grace_seconds=0)
        self._reaped = True
        self._process.join(_LAST_WORDS_SECONDS)
        code = self._process.exitcode
        if code is not None:
            self._process.close()
        self.connection.close()
        self._pump.join(_LAST_WORDS_SECONDS)
        if code is None or code == _FORK_SERVER_GONE:
            return "the executor ended, and its fork server cannot tell how; its log may"
        if code < 0:
            return f"the executor was killed by {signal.Signals(-code).name}"
        return f"the executor ended with exit code {code}; its log tells why" if code else None


@contextmanager
def _nameless_main_module() -> Iterator[None]:
    """Keep multiprocessing from running the user's main script again in the child, which needs nothing of it."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main
