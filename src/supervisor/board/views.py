"""What one look at the control database shows: sessions, lanes, runs, workers, events."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from supervisor.board.counts import DocumentCounts, PageCounts, Summary
from supervisor.model.states import RunStatus, SessionStatus, WorkerStatus


@dataclass(frozen=True)
class LaneView:
    """A track of a session.

    Attributes:
        name: None for the runs that are in no lane.
        running: The run ids that execute: in a lane at most one.
        queued: How many wait, paused ones included.
        ended: How many have ended.
    """

    name: str | None
    running: Sequence[str]
    queued: int
    ended: int


@dataclass(frozen=True)
class RunView:
    """A run.

    Attributes:
        row: Its id in the table.
        is_paused: Whether it rests, or is to, until somebody resumes it: itself or with its session.
        is_cancelled: Whether it executes, and is to be cancelled.
        stage: What it is busy with, or what happened to it last, in a word or two.
        worker: Which executes it, or did so last.
        started_at: Its first claim.
        claimed_at: Its latest.
        heartbeat_at: The last beat for that.
    """

    row: int
    run_id: str
    session_id: str
    lane: str | None
    status: RunStatus
    is_paused: bool
    is_cancelled: bool
    stage: str
    priority: int
    attempt: int
    worker: str | None
    documents: DocumentCounts
    pages: PageCounts
    created_at: datetime
    started_at: datetime | None
    claimed_at: datetime | None
    finished_at: datetime | None
    heartbeat_at: datetime | None
    error: str | None


@dataclass(frozen=True)
class SessionProgress:
    """How far work is that is done outside of runs, as those say who do it.

    Attributes:
        total: None if it is not known.
        note: In words; None for none.
    """

    done: int
    total: int | None
    note: str | None


@dataclass(frozen=True)
class SessionView:
    """A session, and what its runs add up to.

    Attributes:
        runs: How many there are of each state; states that none is in are left out.
        paused_runs: How many unfinished ones rest, or are to, until somebody resumes them.
        lanes: By name, those in no lane last.
        progress: Told by whoever does the session's work; None if nobody did.
        pages_per_second: At which its runs that execute now have finished pages since their claims; None if none does.
        remaining_seconds: Until all that is not paused is done, going by what is done; None if it cannot be told.
    """

    id: str
    title: str
    intent: str | None
    status: SessionStatus
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    runs: Mapping[RunStatus, int] = field(default_factory=dict)
    paused_runs: int = 0
    lanes: Sequence[LaneView] = ()
    documents: DocumentCounts = field(default_factory=DocumentCounts)
    pages: PageCounts = field(default_factory=PageCounts)
    progress: SessionProgress | None = None
    pages_per_second: float | None = None
    remaining_seconds: float | None = None


@dataclass(frozen=True)
class WorkerView:
    """A worker; from `run_id` to `pages` what it does, all of it None while it executes nothing.

    It may be at a run of another repository that it serves, too.

    Attributes:
        supervisor_id: Whose it is.
        status: As it is: one that was not heard of for half a minute is offline.
        heartbeat_age_seconds: For how long it was not heard of.
        session_id: Of the run.
    """

    id: str
    supervisor_id: str
    host: str
    pid: int
    status: WorkerStatus
    started_at: datetime
    heartbeat_age_seconds: float
    run_id: str | None = None
    session_id: str | None = None
    stage: str | None = None
    documents: DocumentCounts | None = None
    pages: PageCounts | None = None


@dataclass(frozen=True)
class EventView:
    """Something that happened to a run.

    Attributes:
        reason: Why, or what came of it, in words; None if the event says it all.
    """

    at: datetime
    run_id: str
    session_id: str
    event: str
    actor: str
    attempt: int
    reason: str | None


@dataclass(frozen=True)
class SlotsView:
    """How many pages this machine recognises at a time.

    Attributes:
        count: How many slots there are.
        taken: By whomever.
        waiting: How many processes wait for one.
    """

    count: int
    taken: int
    waiting: int


@dataclass(frozen=True)
class Overview:
    """Everything that one look shows, as it is at one moment.

    Attributes:
        at: That moment, by the database's clock.
        sessions: Unfinished ones first, of these and of the others the newest first.
        workers: Those that execute something first, then by name.
        events: The newest first.
        summary: Of the whole repository, whatever is shown of it.
        pages_per_second: At which all runs of the repository that execute now have finished pages since their claims;
            None if none does.
        cache_share: Which part of the pages that these have read was known from before; None if none was read.
        slots: Of this machine; None until `slots.with_slots` has joined them in, and where there can be none.
    """

    at: datetime
    sessions: Sequence[SessionView] = ()
    workers: Sequence[WorkerView] = ()
    events: Sequence[EventView] = ()
    summary: Summary = field(default_factory=Summary)
    pages_per_second: float | None = None
    cache_share: float | None = None
    slots: SlotsView | None = None
