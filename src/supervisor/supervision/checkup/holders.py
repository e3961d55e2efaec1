"""Who is at work, and who stands still and keeps others from it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from supervisor.board.progress import counted
from supervisor.clock import SystemClock
from supervisor.locks.holder import Holder
from supervisor.locks.processes import is_stopped
from supervisor.locks.runlock import ExecutorLockManager
from supervisor.store import supervisors
from supervisor.store.engine import open_engine, snapshot
from supervisor.store.moments import database_now
from supervisor.store.supervisors import SupervisorRow
from supervisor.supervision.checkup.findings import Finding, Level, Surroundings
from supervisor.supervision.presence import may_be_alive, stands_still
from supervisor.supervision.upkeep import Condition, look


@dataclass(frozen=True)
class _Stopped:
    """A process that stands still, and the command that lets it go on."""

    pid: int
    what: str
    command: str


def check_locks(surroundings: Surroundings) -> Finding:
    """Tell how many runs are held, and which of them by somebody who is stopped."""
    held = _held(surroundings.files.runs_directory.root)
    stopped = [one for holder in held for one in _stopped_parts(holder)]
    message = f"{counted(len(held), 'run')} held" if held else "no run is held"
    return _finding("locks", message, stopped, {"held": len(held)})


def check_supervisors(surroundings: Surroundings) -> Finding:
    """Tell how many supervisors are at work, and which of them are stopped; with a lock in hand it is told above."""
    place = surroundings.place
    at_work: list[SupervisorRow] = []
    if look(place).worst is Condition.CURRENT:
        engine = open_engine(place.databases.control_url)
        try:
            with snapshot(engine) as connection:
                now = database_now(connection, SystemClock())
                everybody = supervisors.everybody(connection)
        finally:
            engine.dispose()
        at_work = [
            one.supervisor for one in everybody if may_be_alive(place.runs_directory, place.databases, one, at=now)
        ]
    told = {holder.pid for holder in _held(place.runs_directory.root) if holder.is_here()}
    stopped = [
        _Stopped(one.pid, f"supervisor {one.id} (pid {one.pid} on {one.host}) is stopped", f"kill -CONT {one.pid}")
        for one in at_work
        if one.pid not in told and stands_still(one)
    ]
    message = f"{len(at_work)} at work" if at_work else "none at work"
    return _finding("supervisors", message, stopped, {"at_work": len(at_work)})


def _finding(name: str, message: str, stopped: Sequence[_Stopped], facts: dict[str, object]) -> Finding:
    facts = {**facts, "stopped": [{"pid": one.pid, "what": one.what} for one in stopped]}
    if not stopped:
        return Finding(Level.OK, name, message, facts=facts)
    commands = dict.fromkeys(one.command for one in stopped)
    hint = f"to let {'it' if len(commands) == 1 else 'them'} go on: {'; '.join(commands)}"
    first, *others = (one.what for one in stopped)
    return Finding(Level.WARNING, name, first, hint, tuple(others), facts)


def _held(root: Path) -> list[Holder]:
    states = ExecutorLockManager(root).list()
    return [state.holder for state in states if state.held and state.holder is not None]


def _stopped_parts(holder: Holder) -> Iterator[_Stopped]:
    """Yield the holder of a run lock, or its executor, if it stands still and we see it."""
    if not holder.is_here():
        return
    if is_stopped(holder.pid):
        what = f"run {holder.run_id!r} is held by {holder.describe()}, which is stopped"
        yield _Stopped(holder.pid, what, f"kill -CONT {holder.pid}")
    elif holder.process_group is not None and is_stopped(holder.process_group):
        group = holder.process_group
        what = f"the executor of run {holder.run_id!r} (pid {group} on {holder.host}) is stopped"
        yield _Stopped(group, what, f"kill -CONT -{group}")
