"""Which of an archive's processes is which."""

import contextlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil

from chaos.archive import Archive
from chaos.plan import RUN_IDS, Target
from supervisor.artifacts.layout import MEMORY_BACKED


def is_at_work(archive: Archive) -> bool:
    """Tell whether the command under way has got as far as being a supervisor, which is known by its lock."""
    locks = archive.runs.root / ".supervisors"
    return any(locks.glob(f"*-{archive.commands[-1].process.pid}-*.lock"))


def recorded(archive: Archive, run_id: str) -> dict[str, Any]:
    """Return the record of a run's lock; an empty one where there is none."""
    with contextlib.suppress(OSError, ValueError):
        return dict(json.loads((archive.runs.root / ".locks" / f"{run_id}.json").read_text()))
    return {}


def executor_of(archive: Archive, run_id: str) -> psutil.Process | None:
    """Return the executor that the record of a run's lock names, if it lives."""
    group = recorded(archive, run_id).get("process_group")
    if group is not None:
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(group)
            if process.environ().get("HOME") == str(archive.home) and process.status() != psutil.STATUS_ZOMBIE:
                return process
    return None


def held_in_memory(archive: Archive) -> set[Path]:
    """Return what lies in memory-backed storage and is open in a process: folders, files and semaphores.

    The archive itself, which may lie there, too, is looked at elsewhere.
    """
    found: set[str] = set()
    for process in archive.processes():
        with contextlib.suppress(OSError, psutil.Error):
            proc = Path("/proc", str(process.pid))
            found.update(str(descriptor.readlink()) for descriptor in (proc / "fd").iterdir())
            found.update(line.split(maxsplit=5)[-1] for line in (proc / "maps").read_text().splitlines())
    paths = {Path(name) for name in found if name.startswith(f"{MEMORY_BACKED}/") and not name.endswith("(deleted)")}
    return {path for path in paths if not path.is_relative_to(archive.folder)}


def find(archive: Archive, target: Target, run_id: str) -> list[psutil.Process]:
    """Return what a fault could strike: what belongs to a run if there is such a thing, else what belongs to others."""
    match target:
        case Target.SUPERVISOR:
            return _supervisor(archive)
        case Target.FORK_SERVER:
            return [server for one in _supervisor(archive) for server in _fork_servers(one)]
        case Target.EVERYTHING:
            return archive.processes()
    for one in (run_id, *(other for other in RUN_IDS if other != run_id)):
        executor = executor_of(archive, one)
        if executor is not None and (found := _within(executor, target)):
            return found
    return []


def _supervisor(archive: Archive) -> list[psutil.Process]:
    command = archive.commands[-1]
    if command.process.poll() is not None:
        return []
    return [psutil.Process(command.process.pid)]


def _within(executor: psutil.Process, target: Target) -> list[psutil.Process]:
    with contextlib.suppress(psutil.Error):
        servers = _fork_servers(executor)
        match target:
            case Target.EXECUTOR:
                return [executor]
            case Target.DECODER_SERVER:
                return servers
            case Target.PAGE_PROCESS:
                return [process for server in servers for process in server.children()]
            case Target.TESSERACT:
                return [process for process in _group(executor.pid) if process.name() == "tesseract"]
    return []


def _fork_servers(parent: psutil.Process) -> Sequence[psutil.Process]:
    with contextlib.suppress(psutil.Error):
        return [child for child in parent.children() if "multiprocessing.forkserver" in " ".join(child.cmdline())]
    return []


def _group(pgid: int) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if os.getpgid(process.pid) == pgid:
                found.append(process)
    return found
