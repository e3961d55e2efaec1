import json
from datetime import UTC, datetime

from supervisor.board.counts import DocumentCounts, PageCounts, Summary, WorkerTotals
from supervisor.board.entries import event_entry, run_entry, session_entry, slots_entry, summary_entry, worker_entry
from supervisor.board.views import EventView, LaneView, SessionProgress, SessionView, SlotsView, WorkerView
from supervisor.model.states import RunStatus, SessionStatus, WorkerStatus
from support.overviews import run

AT = datetime(2026, 11, 21, 21, 0, tzinfo=UTC)
DOCUMENTS = DocumentCounts(total=4, opened=3, done=2, failed=1)
PAGES = PageCounts(found=9, ocr=3, cache=2)


def as_read(entry: object) -> object:
    """What somebody reads who has printed it."""
    return json.loads(json.dumps(entry))


def test_a_session_tells_of_every_state_of_runs_and_of_its_lanes() -> None:
    session = SessionView(
        id="5e55",
        title="Night",
        intent=None,
        status=SessionStatus.RUNNING,
        created_at=AT,
        started_at=AT,
        finished_at=None,
        runs={RunStatus.QUEUED: 2, RunStatus.RUNNING: 1},
        paused_runs=1,
        lanes=[LaneView("A", ["letters"], queued=2, ended=0)],
        documents=DOCUMENTS,
        pages=PAGES,
        progress=SessionProgress(3, None, "sorting"),
        pages_per_second=0.12345,
        remaining_seconds=75.4,
    )
    assert as_read(session_entry(session)) == {
        "id": "5e55",
        "title": "Night",
        "intent": None,
        "status": "running",
        "created_at": "2026-11-21T21:00:00+00:00",
        "started_at": "2026-11-21T21:00:00+00:00",
        "finished_at": None,
        "runs": {"queued": 2, "running": 1, "succeeded": 0, "failed": 0, "cancelled": 0},
        "paused_runs": 1,
        "lanes": [{"name": "A", "running": ["letters"], "queued": 2, "ended": 0}],
        "documents": {"total": 4, "opened": 3, "done": 2, "failed": 1},
        "pages": {
            "found": 9,
            "ocr": 3,
            "text_layer": 0,
            "cache": 2,
            "blank": 0,
            "skipped": 0,
            "failed": 0,
            "done": 5,
        },
        "progress": {"done": 3, "total": None, "note": "sorting"},
        "pages_per_second": 0.123,
        "remaining_seconds": 75.0,
    }


def test_a_run_and_a_worker_tell_what_they_do() -> None:
    letters = run("letters", RunStatus.RUNNING)
    told = run_entry(letters)
    # The number of its row is nobody's business.
    assert told.keys() == vars(letters).keys() - {"row"}
    assert told["claimed_at"] == vars(letters)["claimed_at"].isoformat()
    idle = WorkerView("desk-2", "desk", "desk.example", 42, WorkerStatus.IDLE, AT, 3.14159)
    assert as_read(worker_entry(idle)) == {
        "id": "desk-2",
        "supervisor": "desk",
        "host": "desk.example",
        "pid": 42,
        "status": "idle",
        "started_at": "2026-11-21T21:00:00+00:00",
        "heartbeat_age_seconds": 3.142,
        "run_id": None,
        "session_id": None,
        "stage": None,
        "documents": None,
        "pages": None,
    }


def test_what_happened_and_what_it_adds_up_to() -> None:
    event = EventView(AT, "letters", "5e55", "failed", "desk-1", 2, "a page is broken")
    assert event_entry(event) == {**vars(event), "at": AT.isoformat()}
    told = summary_entry(Summary(WorkerTotals(idle=1, busy=2, offline=1)))
    assert told["workers"] == {"idle": 1, "busy": 2, "error": 0, "offline": 1, "total": 4, "utilisation": 0.667}
    assert slots_entry(None) is None
    assert slots_entry(SlotsView(2, 1, 5)) == {"count": 2, "taken": 1, "waiting": 5}
