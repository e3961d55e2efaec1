"""Making things go wrong, and putting right what does not come right by itself."""

import contextlib
import shutil
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import psutil

from chaos.archive import Archive
from chaos.plan import Deed, Event, Fault, Moment, Target
from chaos.processes import executor_of, find, is_at_work, recorded
from chaos.server import Server
from support.small_disk import SmallDisk

T = TypeVar("T")
MIN_FREE_BYTES = 1_000_000
_SIGNALS = {
    Deed.KILL: signal.SIGKILL,
    Deed.TERM: signal.SIGTERM,
    Deed.INT: signal.SIGINT,
    Deed.STOP: signal.SIGSTOP,
    Deed.LEAVE_STOPPED: signal.SIGSTOP,
}


def has_come(moment: Moment, archive: Archive) -> bool:
    """Tell whether what a moment is counted from can be seen by now, while the command that is under way is at work."""
    has_ended = archive.commands[-1].process.poll() is not None
    if has_ended or (moment.event is not Event.STARTED and not is_at_work(archive)):
        return False
    run = archive.runs.run(moment.run_id)
    match moment.event:
        case Event.STARTED:
            return True
        case Event.CLAIMED:
            return recorded(archive, moment.run_id).get("pid") == archive.commands[-1].process.pid
        case Event.EXECUTING:
            return executor_of(archive, moment.run_id) is not None
        case Event.RECOGNISED:
            return _recognised(run.trace) >= moment.count
        case Event.PUBLISHED:
            return run.output.exists()


def _recognised(trace: Path) -> int:
    try:
        return trace.read_bytes().count(b'"page_recognised"')
    except FileNotFoundError:
        return 0


@dataclass
class Striker:
    """Strikes an archive and its server.

    Attributes:
        database: Its name on the server; None without one.
        disk: That of the runs directory; None if it is the one that everything is on.
    """

    archive: Archive
    server: Server | None = None
    database: str | None = None
    disk: SmallDisk | None = None
    _remedies: list[tuple[float, Callable[[], object]]] = field(default_factory=list)

    def strike(self, fault: Fault) -> bool:
        """Do it once; return False where there is nothing to be struck at this moment."""
        match fault.kind.target:
            case Target.WORKSPACE:
                return _remove(self.archive.workspace(fault.moment.run_id))
            case Target.FILE:
                files = [path for path in self.archive.workspace(fault.moment.run_id).rglob("*") if path.is_file()]
                return any(map(_remove, _picked(sorted(files), fault.pick)))
            case Target.POSTMASTER | Target.BACKEND | Target.CONNECTIONS:
                return self._strike_server(fault)
            case Target.DISK:
                return self._fill_disk(fault)
            case _:
                return self._strike_processes(fault)

    def put_right(self, *, now: bool = False) -> None:
        """Continue what was stopped and start what is away, if its time has come, or at once."""
        due = [remedy for remedy in self._remedies if now or time.monotonic() >= remedy[0]]
        for remedy in due:
            self._remedies.remove(remedy)
            remedy[1]()

    def _strike_processes(self, fault: Fault) -> bool:
        found = find(self.archive, fault.kind.target, fault.moment.run_id)
        if fault.kind.target is not Target.EVERYTHING:
            found = _picked(found, fault.pick)
        has_struck = self._signal(fault, found)
        if has_struck and fault.kind.deed is Deed.LEAVE_STOPPED:
            for supervisor in find(self.archive, Target.SUPERVISOR, fault.moment.run_id):
                supervisor.kill()
        return has_struck

    def _fill_disk(self, fault: Fault) -> bool:
        if self.disk is None:
            raise ValueError(f"{fault.kind.name} needs a disk")
        # More than the program wants to be free, or less.
        self.disk.fill(leaving_bytes=int(fault.pick * 2 * MIN_FREE_BYTES))
        self._later(fault.seconds, self.disk.make_room)
        return True

    def _strike_server(self, fault: Fault) -> bool:
        if self.server is None or self.database is None:
            raise ValueError(f"{fault.kind.name} needs a server")
        postmaster = self.server.postmaster()
        if postmaster is None or self._remedies:
            # Who is stopped does not answer, and cannot be asked to end: that comes right first.
            return False
        match fault.kind.target:
            case Target.CONNECTIONS:
                return self.server.end_connections(self.database) > 0
            case Target.BACKEND:
                return self._signal(fault, _picked(self.server.backends(self.database), fault.pick))
        if fault.kind.deed is Deed.END:
            self.server.server.stop()
        else:
            self._signal(fault, [postmaster])
        if fault.kind.deed is not Deed.STOP:
            self._later(fault.seconds, self.server.start)
        return True

    def _signal(self, fault: Fault, processes: Sequence[psutil.Process]) -> bool:
        """Return whether anyone got the signal."""
        struck = [process for process in processes if _send(process, _SIGNALS[fault.kind.deed])]
        if struck and fault.kind.deed is Deed.STOP:
            self._later(fault.seconds, lambda: [_send(process, signal.SIGCONT) for process in struck])
        return bool(struck)

    def _later(self, seconds: float, remedy: Callable[[], object]) -> None:
        self._remedies.append((time.monotonic() + seconds, remedy))


def _picked(things: Sequence[T], pick: float) -> Sequence[T]:
    """Return one of several; none of none."""
    return things[int(pick * len(things)) :][:1]


def _send(process: psutil.Process, number: signal.Signals) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        process.send_signal(number)
        return True
    return False


def _remove(path: Path) -> bool:
    """Remove something while others may be writing in it."""
    if not path.exists():
        return False
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
    return True
