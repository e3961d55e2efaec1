"""Releasing a lock by force: end who is recorded, if that is ours to judge, and prove that the lock is free."""

from supervisor.locks import processes
from supervisor.locks.holder import Holder
from supervisor.locks.lockfile import LockFile


def release(file: LockFile, *, force: bool, grace_seconds: float) -> Holder | None:
    """Make sure that nobody holds a lock; with force, by ending who does.

    Ends the executor's process group first: a sound supervisor then closes the lock by itself. One that has not after
    the grace is ended, too; its other runs are continued by the next supervisor.

    Args:
        file: The lock.
        force: Whether processes may be ended.
        grace_seconds: How long they have, each time, to end by themselves or to close the lock.

    Returns:
        The holder whose processes were ended, or None if nobody held the lock.

    Raises:
        LockHeldError: It is held, and force was not given; or its holder is recorded on another machine, boot or pid
            namespace, or not at all; or it is this process.
    """
    if not file.path.exists() or file.clear():
        return None
    holder = file.recorded()
    if not force:
        raise file.held_error(holder, hint=f"supervisor locks release {holder.run_id if holder else file.name} --force")
    if holder is None:
        raise file.held_error(None, hint=f"find who has it with: fuser -v {file.path}")
    if not holder.is_here():
        raise file.held_error(
            holder,
            hint=f"release it on {holder.host}, in the same container if it was one; if that is gone for good, "
            f"delete {file.record_path}",
        )
    _end_executor(holder, grace_seconds)
    if _is_freed(file, grace_seconds):
        return holder
    if processes.may_signal(holder.pid):
        processes.end_process(holder.pid, holder.process_started_at, grace_seconds=grace_seconds)
    if _is_freed(file, grace_seconds):
        return holder
    raise file.held_error(
        file.recorded(), hint=f"a process that is not recorded still has it; find it with: fuser -v {file.path}"
    )


def _end_executor(holder: Holder, grace_seconds: float) -> None:
    pgid, start = holder.process_group, holder.process_group_started_at
    if pgid is not None and start is not None and processes.may_signal_group(pgid):
        processes.end_process_group(pgid, start, grace_seconds=grace_seconds)


def _is_freed(file: LockFile, seconds: float) -> bool:
    return processes.wait_until(file.clear, seconds)
