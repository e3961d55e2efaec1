"""Parallel OCR runs over documents kept in git."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from supervisor.dashboard.config import DashboardConfig
    from supervisor.dashboard.live import LiveDashboard
    from supervisor.git.workspaces import WorkspaceManager
    from supervisor.locks.lease import WorkspaceLease
    from supervisor.locks.runlock import ExecutorLockManager
    from supervisor.supervision.sessions.manager import SessionManager
    from supervisor.supervision.supervisor import ParallelRunSupervisor
    from supervisor.supervision.workers.coordinator import WorkerCoordinator
    from supervisor.supervision.workers.results import DeliveredDocument, DeliveredPage

__all__ = [
    "DashboardConfig",
    "DeliveredDocument",
    "DeliveredPage",
    "ExecutorLockManager",
    "LiveDashboard",
    "ParallelRunSupervisor",
    "SessionManager",
    "WorkerCoordinator",
    "WorkspaceLease",
    "WorkspaceManager",
]

_HOMES = {
    "DashboardConfig": "supervisor.dashboard.config",
    "DeliveredDocument": "supervisor.supervision.workers.results",
    "DeliveredPage": "supervisor.supervision.workers.results",
    "ExecutorLockManager": "supervisor.locks.runlock",
    "LiveDashboard": "supervisor.dashboard.live",
    "ParallelRunSupervisor": "supervisor.supervision.supervisor",
    "SessionManager": "supervisor.supervision.sessions.manager",
    "WorkerCoordinator": "supervisor.supervision.workers.coordinator",
    "WorkspaceLease": "supervisor.locks.lease",
    "WorkspaceManager": "supervisor.git.workspaces",
}


def __getattr__(name: str) -> object:
    # Loaded when first asked for: the command line must not wait for what it does not use.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
