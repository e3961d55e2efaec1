"""Ending what a supervisor that is gone has started on this machine and could not end any more."""

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from supervisor.locks.holder import Holder
from supervisor.locks.processes import end_process_group, may_signal_group
from supervisor.locks.runlock import ExecutorLockManager
from supervisor.store.runs import RunHead
from supervisor.store.supervisors import Heard

ORPHAN_GRACE_SECONDS = 2.0
LOCK_WAIT_SECONDS = 1.0


def what_it_locked(holder: Heard, row: RunHead) -> AbstractContextManager[object]:
    """End what a dead supervisor of this machine started for a run, and hold the run's lock, which proves the end.

    Raises:
        LockHeldError: Something goes on that cannot be ended from here.
    """
    directory = Path(holder.supervisor.runs_directory)
    if not directory.is_dir():
        return nullcontext()
    locks = ExecutorLockManager(directory)
    recorded = locks.holder(row.run_id)
    ended = recorded is not None and recorded.term == row.lease_term and _end_executor(recorded)
    # Where nothing was ended there is nothing to wait for: whoever asks does so again, and has more to do meanwhile.
    return locks.acquire(row.run_id, term=row.lease_term, timeout_seconds=LOCK_WAIT_SECONDS if ended else 0)


def end_earlier_holder(locks: ExecutorLockManager, row: RunHead) -> bool:
    """End what still holds the lock of a run that we have claimed, if the supervisor which started it is gone for sure.

    That is left where nobody has rescued the run: its row was superseded, or ended by somebody on another machine.

    Returns:
        Whether there was something to end, so that the lock may be free now.
    """
    recorded = locks.holder(row.run_id)
    if recorded is None or recorded.term >= row.lease_term or recorded.is_alive() is not False:
        return False
    return _end_executor(recorded)


def _end_executor(recorded: Holder) -> bool:
    group, start = recorded.process_group, recorded.process_group_started_at
    if not recorded.is_here() or group is None or start is None or not may_signal_group(group):
        return False
    return end_process_group(group, start, grace_seconds=ORPHAN_GRACE_SECONDS)
