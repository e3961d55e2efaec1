"""What the machine gives to pages: slots, memory, the page cache, storage in memory."""

import time
from collections.abc import Sequence

import psutil

from supervisor.artifacts.filesystems import Mount, network_file_system
from supervisor.artifacts.layout import MEMORY_BACKED, machine_state
from supervisor.board.progress import counted
from supervisor.config import cache_directory
from supervisor.locks.processes import is_stopped
from supervisor.ocr.cache.files import why_unusable
from supervisor.ocr.limits import UNIT_BYTES
from supervisor.ocr.slots.budget import BudgetState, SlotBudget
from supervisor.ocr.slots.capacity import SLOTS_VARIABLE, Capacity, measure_capacity
from supervisor.ocr.slots.files import Claim, LockedClaim
from supervisor.ocr.slots.machine import DIRECTORY_VARIABLE, SlotsDirectory, slots_directory
from supervisor.room import DEFAULT_MIN_FREE_MB, room_at
from supervisor.supervision.checkup.findings import Finding, Level, Surroundings, shown_gigabytes
from supervisor.supervision.room import Needed, shortage

_STOPPED = "stopped"
# A few pages of A4 at 600 dpi, each with some room beside it.
_LITTLE_MEMORY_BYTES = 200_000_000


def check_slots(surroundings: Surroundings) -> Finding:
    """Tell how many slots there are and why, who has them, and who waits."""
    capacity = measure_capacity(surroundings.environment)
    directory = slots_directory(surroundings.environment)
    state = SlotBudget(directory.path, slots=capacity.slots, memory_bytes=capacity.memory_for_pages).state()
    used = f"{len(state.taken) or 'none'} taken"
    if state.waiting:
        used += f", {counted(len(state.waiting), 'page')} waiting, the first for {_seconds(state.waiting[0])} s"
    hint = _drawback(state, directory, surroundings.mounts)
    return Finding(
        Level.WARNING if hint else Level.OK,
        "slots",
        f"{capacity.slots} ({_reason(capacity)}), {used}",
        hint,
        lines=tuple(_line(found) for found in state.taken),
        facts={
            "count": capacity.slots,
            "cores": capacity.cores,
            "quota_cores": capacity.quota_cores,
            "memory_for_pages_bytes": capacity.memory_for_pages,
            "directory": str(directory.path),
            "taken": [{"slot": found.number, **_facts(found.claim)} for found in state.taken],
            "waiting": [_facts(claim) for claim in state.waiting],
        },
    )


def check_cache(surroundings: Surroundings) -> Finding:
    """Tell where recognised pages are kept, and whether they can be."""
    directory = cache_directory(None, surroundings.environment)
    facts = {"path": str(directory)}
    trouble = why_unusable(directory)
    if trouble:
        message, hint = f"{directory} cannot be used: {trouble}", "mend it, or name another with --cache-dir"
        return Finding(Level.WARNING, "cache", message, hint, facts=facts)
    little = shortage(Needed("the page cache", directory), DEFAULT_MIN_FREE_MB * 10**6)
    if little:
        return Finding(Level.WARNING, "cache", little, "make room: until then no page is added to it", facts=facts)
    return Finding(Level.OK, "cache", f"{directory}", facts=facts)


def check_scratch(_surroundings: Surroundings) -> Finding:
    """Tell whether prepared pages have room in memory."""
    folder = machine_state()
    if folder is None:
        message = f"{MEMORY_BACKED} cannot be used: pages are handed over on disk, more slowly"
        return Finding(Level.WARNING, "scratch", message, facts={"path": None})
    free = room_at(folder).free_bytes
    message, facts = f"{folder}, {shown_gigabytes(free)} free", {"path": str(folder), "free_bytes": free}
    if free < _LITTLE_MEMORY_BYTES:
        hint = "pages without room are handed over on disk, more slowly; give it more (Docker: --shm-size)"
        return Finding(Level.WARNING, "scratch", message, hint, facts=facts)
    return Finding(Level.OK, "scratch", message, facts=facts)


def check_memory(_surroundings: Surroundings) -> Finding:
    """Tell how much memory pages may reserve, and whether it is really there."""
    capacity = measure_capacity({})
    available = psutil.virtual_memory().available
    message = (
        f"{shown_gigabytes(capacity.memory_for_pages)} for pages of {shown_gigabytes(capacity.memory_bytes)}, "
        f"{shown_gigabytes(available)} available now"
    )
    facts = {
        "memory_bytes": capacity.memory_bytes,
        "memory_for_pages_bytes": capacity.memory_for_pages,
        "available_bytes": available,
    }
    if available < UNIT_BYTES:
        hint = f"a large page takes {shown_gigabytes(UNIT_BYTES)}: end other programs, or set {SLOTS_VARIABLE}=1"
        return Finding(Level.WARNING, "memory", message, hint, facts=facts)
    return Finding(Level.OK, "memory", message, facts=facts)


def _drawback(state: BudgetState, directory: SlotsDirectory, mounts: Sequence[Mount] | None) -> str | None:
    """Return what keeps slots from being used well, and what to do about it."""
    stopped = [found.claim.pid for found in state.taken if found.claim and _condition(found.claim) == _STOPPED]
    network = network_file_system(directory.path, mounts)
    if stopped:
        return f"stopped, it keeps its slot; kill -CONT {stopped[0]}"
    if network:
        return f"{directory.path} is on {network}; name a local directory in {DIRECTORY_VARIABLE}"
    if directory.why_not_shared:
        return f"other users have slots of their own: {directory.why_not_shared}"
    return None


def _reason(capacity: Capacity) -> str:
    cores = counted(capacity.cores, "core")
    if capacity.chosen_slots is not None:
        return f"{SLOTS_VARIABLE}; {cores}"
    if capacity.slots == capacity.cores:
        return "one for each core"
    if capacity.quota_cores is not None and capacity.slots >= capacity.quota_cores:
        return f"the control group allows {capacity.quota_cores:g} of {cores}"
    return f"{shown_gigabytes(UNIT_BYTES)} of memory each; {cores}"


def _line(found: LockedClaim) -> str:
    if found.claim is None:
        return f"slot {found.number}  by whom cannot be read from {found.path}"
    condition = _condition(found.claim)
    return (
        f"slot {found.number}  pid {found.claim.pid}  {shown_gigabytes(found.claim.memory_bytes)}"
        f"  for {_seconds(found.claim)} s{f'  {condition}' if condition else ''}"
    )


def _seconds(claim: Claim) -> int:
    return max(0, time.monotonic_ns() - claim.since_ns) // 10**9


def _condition(claim: Claim) -> str | None:
    """Return what is unusual about the process that took a slot."""
    if is_stopped(claim.pid):
        return _STOPPED
    # What it started has the slot; or it is in another container, or another user's on a machine that hides those.
    return None if psutil.pid_exists(claim.pid) else "gone or hidden"


def _facts(claim: Claim | None) -> dict[str, object]:
    return {
        "pid": claim and claim.pid,
        "memory_bytes": claim and claim.memory_bytes,
        "since": claim and claim.since.isoformat(),
    }
