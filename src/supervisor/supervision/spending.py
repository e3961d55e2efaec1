"""What the terms of a run have cost, for its history and its trace."""

from datetime import datetime

from supervisor.artifacts.layout import RunDirectory
from supervisor.artifacts.trace import ENDED, USED, Trace, last_event, read_trace
from supervisor.board.spending import TermEnd
from supervisor.model.resources import Resources
from supervisor.store.runs import RunHead
from supervisor.supervision.assignment import Assignment


def spent_by(assignment: Assignment, at: datetime) -> Resources:
    """Return what a term has cost that ends now, by the database's clock."""
    used = assignment.used
    if used is None:
        # No executor came so far as to tell, or a program of somebody else's worked on it.
        return _of_term(assignment.row, at, None, None)
    return _of_term(assignment.row, at, used.cpu_seconds, used.peak_memory_bytes)


def left_behind(directory: RunDirectory, row: RunHead) -> Resources:
    """Return what a term has cost whose supervisor is gone, as far as its trace tells; until it was last heard of."""
    told = [event for event in read_trace(directory.trace, only=USED) if event["lease_term"] == row.lease_term]
    beat_at = row.heartbeat_at or row.claimed_at or row.available_at
    if not told:
        return _of_term(row, beat_at, None, None)
    ended_at = max(beat_at, datetime.fromisoformat(told[-1]["at"]))
    cpu_seconds, peak = (_measured(told[-1].get(name)) for name in ("cpu_seconds", "peak_memory_bytes"))
    return _of_term(row, ended_at, cpu_seconds, None if peak is None else int(peak))


def close_trace(directory: RunDirectory, end: TermEnd) -> None:
    """Write the last event of a term, unless it is there, or the trace is another attempt's by now.

    Done under the run lock.

    Raises:
        NoRoomError: There is no room for it.
    """
    last = last_event(directory.trace)
    if last is not None and (last["attempt"] != end.attempt or last["lease_term"] > end.lease_term):
        return
    if last is not None and last["event"] == ENDED and last["lease_term"] == end.lease_term:
        return
    with Trace(directory.trace, run_id=directory.run_id, attempt=end.attempt, lease_term=end.lease_term) as trace:
        resources = end.attempt_resources.to_json()
        trace.event(ENDED, end.at, outcome=end.outcome, status=end.status, reason=end.reason, resources=resources)


def _measured(value: object) -> float | None:
    """Return what a trace says of an amount, if it is one: executors may have written anything."""
    return value if isinstance(value, int | float) and value >= 0 else None


def _of_term(row: RunHead, ended_at: datetime, cpu_seconds: float | None, peak_memory_bytes: int | None) -> Resources:
    claimed_at = row.claimed_at or ended_at
    return Resources(
        cpu_seconds,
        peak_memory_bytes,
        round(max(0.0, (ended_at - claimed_at).total_seconds()), 3),
        round(max(0.0, (claimed_at - row.available_at).total_seconds()), 3),
    )
