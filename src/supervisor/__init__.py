"""Parallel OCR runs over documents kept in git."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from supervisor.dashboard.config import DashboardConfig
    from supervisor.dashboard.live import LiveDashboard
    from supervisor.errors import SupervisorError
    from supervisor.git.workspaces import WorkspaceManager
    from supervisor.locks.lease import WorkspaceLease
    from supervisor.locks.lockfile import LockHeldError
    from supervisor.locks.runlock import ExecutorLockManager
    from supervisor.store.file_locks import FileLockedError
    from supervisor.supervision.outcome import RunsFailedError
    from supervisor.supervision.sessions.desk import SessionStateError
    from supervisor.supervision.sessions.manager import SessionManager
    from supervisor.supervision.supervisor import ParallelRunSupervisor
    from supervisor.supervision.workers.coordinator import WorkerCoordinator
    from supervisor.supervision.workers.results import DeliveredDocument, DeliveredPage
    from supervisor.supervision.workers.task import StaleTaskError

__all__ = [
    "DashboardConfig",
    "DeliveredDocument",
    "DeliveredPage",
    "ExecutorLockManager",
    "FileLockedError",
    "LiveDashboard",
    "LockHeldError",
    "ParallelRunSupervisor",
    "RunsFailedError",
    "SessionManager",
    "SessionStateError",
    "StaleTaskError",
    "SupervisorError",
    "WorkerCoordinator",
    "WorkspaceLease",
    "WorkspaceManager",
]

_HOMES = {
    "DashboardConfig": "supervisor.dashboard.config",
    "DeliveredDocument": "supervisor.supervision.workers.results",
    "DeliveredPage": "supervisor.supervision.workers.results",
    "ExecutorLockManager": "supervisor.locks.runlock",
    "FileLockedError": "supervisor.store.file_locks",
    "LiveDashboard": "supervisor.dashboard.live",
    "LockHeldError": "supervisor.locks.lockfile",
    "ParallelRunSupervisor": "supervisor.supervision.supervisor",
    "RunsFailedError": "supervisor.supervision.outcome",
    "SessionManager": "supervisor.supervision.sessions.manager",
    "SessionStateError": "supervisor.supervision.sessions.desk",
    "StaleTaskError": "supervisor.supervision.workers.task",
    "SupervisorError": "supervisor.errors",
    "WorkerCoordinator": "supervisor.supervision.workers.coordinator",
    "WorkspaceLease": "supervisor.locks.lease",
    "WorkspaceManager": "supervisor.git.workspaces",
}


def __getattr__(name: str) -> object:
    # Loaded when first asked for: the command line must not wait for what it does not use.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
