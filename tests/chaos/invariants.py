"""What must hold when a round is over, each with a message of its own."""

import fcntl
import fnmatch
import os
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

from chaos.archive import Archive, Original, signal_name
from chaos.databases import Rows
from chaos.ledger import Ledger
from chaos.plan import RUN_IDS, Kind
from supervisor.model.states import TRANSITIONS, RunStatus

# What a runs directory has in which nothing is under way.
_LASTING = (
    "control.db",
    "workspaces",
    ".supervisors",
    ".supervisors/supervisor.log*",
    ".locks",
    ".locks/?.lock",
    ".workspace_leases",
    ".workspace_leases/*.lock",
    "?",
    "?/?.db",
    "?/run.json",
    "?/trace.jsonl",
    "?/logs",
    "?/logs/executor.log*",
    "?/output",
    "?/output/*",
)
# What a machine knows of its programs, for all runs.
_KNOWN = frozenset({"tesseract.json", "tesseract.lock"})
# What a process takes to end that waits for the end of another.
_ENDING_SECONDS = 2.0


def check_round(
    original: Original, archive: Archive, rows: Rows, ledger: Ledger, *, codes: Sequence[int], struck: Sequence[Kind]
) -> list[str]:
    """Return everything that does not hold.

    Args:
        original: What comes out undisturbed.
        archive: The one that was struck.
        rows: Its database.
        ledger: What was seen of its pages.
        codes: How the commands ended, one after the other.
        struck: What really went wrong.
    """
    if not codes or codes[-1] != 0:
        return [*check_codes(codes, struck), *check_words(archive), f"the command did not succeed after all: {codes}"]
    checks: list[Callable[[], Sequence[str]]] = [
        # First what reading would change.
        lambda: check_files(archive),
        lambda: check_processes(archive),
        lambda: check_locks(archive),
        lambda: check_codes(codes, struck),
        lambda: check_outputs(original.outputs, archive.outputs()),
        lambda: check_git(original.facts, archive),
        rows.damage,
        lambda: check_runs(rows),
        lambda: check_events(rows),
        ledger.repeated,
        lambda: check_words(archive),
    ]
    return [wrong for check in checks for wrong in check()]


def check_processes(archive: Archive) -> list[str]:
    limit = time.monotonic() + _ENDING_SECONDS
    while (left := archive.processes()) and time.monotonic() < limit:
        time.sleep(0.05)
    return [f"a process is left: {process}" for process in left]


def check_locks(archive: Archive) -> list[str]:
    slots = [path for path in archive.slots.rglob("*") if path.is_file()]
    files = [_metadata_lock(archive), *archive.runs.root.glob(".*/*.lock"), *slots]
    return [f"somebody holds {path}" for path in files if _is_held(path)]


def _metadata_lock(archive: Archive) -> Path:
    """Return the lock file that one takes who changes worktrees or pins; it stays."""
    return archive.top / ".git" / "supervisor-metadata.lock"


def _is_held(path: Path) -> bool:
    with path.open("r+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def check_memory(held: Collection[Path]) -> list[str]:
    """Say what is still there of all that was open once in memory-backed storage."""
    return [f"a file is left in memory: {path}" for path in sorted(held) if path.exists() and path.name not in _KNOWN]


def check_files(archive: Archive) -> list[str]:
    scratch = [archive.runs.scratch(run_id) for run_id in RUN_IDS]
    left = [
        *(path for path in archive.runs.root.rglob("*") if not _lasts(str(path.relative_to(archive.runs.root)))),
        *archive.temporary.rglob("*"),
        *(path for path in scratch if path.exists()),
        *(archive.top / ".git" / "worktrees").glob("*"),
        *(path for path in (archive.top / ".git").rglob("*.lock") if path != _metadata_lock(archive)),
    ]
    return [f"a file is left: {path}" for path in left if path.parent not in left]


def _lasts(name: str) -> bool:
    return any(fnmatch.fnmatch(name, pattern) for pattern in _LASTING)


def check_codes(codes: Sequence[int], struck: Sequence[Kind]) -> list[str]:
    allowed = {0, *(code for kind in struck for code in kind.codes)}
    return [
        f"a command ended with {signal_name(code)}; only {sorted(allowed)} can come of these faults"
        for code in codes
        if code not in allowed
    ]


def check_outputs(expected: Mapping[str, bytes], found: Mapping[str, bytes]) -> list[str]:
    return [
        f"{path} is {'missing' if path not in found else 'superfluous' if path not in expected else 'another'}"
        for path in sorted({*expected, *found})
        if expected.get(path) != found.get(path)
    ]


def check_git(expected: Mapping[str, str], archive: Archive) -> list[str]:
    found = archive.git_facts()
    return [
        f"{name} says {found[name]!r}, and {expected[name]!r} before"
        for name in expected
        if found[name] != expected[name]
    ]


def check_runs(rows: Rows) -> Iterator[str]:
    found = rows.control("SELECT run_id, status, settled_at FROM runs ORDER BY id")
    latest = {run_id: status for run_id, status, _ in found}
    for run_id in RUN_IDS:
        if latest.get(run_id) != RunStatus.SUCCEEDED:
            yield f"run {run_id} is {latest.get(run_id)}"
    for run_id, status, settled_at in found:
        if settled_at is None:
            yield f"run {run_id}, which is {status}, was not settled"
    for title, status in rows.control("SELECT title, status FROM sessions WHERE finished_at IS NULL"):
        yield f"session {title} is {status} and has not finished"
    for path, run_id in rows.control("SELECT path, run_id FROM file_locks"):
        yield f"run {run_id} holds a file lock on {path}"
    for worker, current_run in rows.control("SELECT id, current_run FROM workers WHERE status = 'busy'"):
        yield f"worker {worker} is busy with run {current_run}"


def check_events(rows: Rows) -> Iterator[str]:
    query = "SELECT run_id, event, from_status, to_status, attempt, lease_term FROM run_events ORDER BY id"
    events = rows.control(query)
    for row, run_id, status in rows.control("SELECT id, run_id, status FROM runs"):
        history = [event for event in events if event[0] == row]
        changes = [event for event in history if event[3] is not None]
        name = f"run {run_id}: {' '.join(event[1] for event in history)}"
        if not changes or changes[0][2] is not None or changes[-1][3] != status:
            yield f"{name}: does not lead from nothing to {status}"
            continue
        for before, after in pairwise(changes):
            if after[2] != before[3] or after[3] not in TRANSITIONS[RunStatus(after[2])]:
                yield f"{name}: no step leads from {before[1]} to {after[1]}"
            if after[4] - before[4] != (after[1] == "retrying"):
                yield f"{name}: attempt {before[4]} became {after[4]} by {after[1]}"
            if after[5] - before[5] != (after[1] == "claimed"):
                yield f"{name}: term {before[5]} became {after[5]} by {after[1]}"


def check_words(archive: Archive) -> list[str]:
    logs = [path for run_id in RUN_IDS for path in archive.runs.run(run_id).log.parent.glob("*")]
    return [
        f"{path} has a traceback"
        for path in (*(command.err for command in archive.commands), *logs)
        if b"Traceback (most recent call last)" in path.read_bytes()
    ]


def describe_processes(archive: Archive) -> str:
    """Return what lives, for people who look for the reason why a round does not end."""
    return os.linesep.join(map(str, archive.processes()))
