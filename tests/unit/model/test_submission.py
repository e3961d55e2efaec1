from dataclasses import replace

import pytest

from supervisor.model.states import RunStatus
from supervisor.model.submission import ActiveRun, Continue, Decision, New, Refused, decide, session_to_continue


def active(*, holder: str | None = None, same_work: bool = True, status: RunStatus = RunStatus.QUEUED) -> ActiveRun:
    return ActiveRun(7, "a", "s1", status, holder, same_work)


def test_a_run_id_without_an_active_row_gets_one() -> None:
    assert decide("a", None) == New("a")


@pytest.mark.parametrize("status", [RunStatus.QUEUED, RunStatus.RUNNING])
@pytest.mark.parametrize("same_work", [True, False])
def test_a_live_holder_is_never_disturbed(status: RunStatus, *, same_work: bool) -> None:
    row = active(holder="pid 4 on desk", same_work=same_work, status=status)
    assert decide("a", row) == Refused("a", "pid 4 on desk", status)


@pytest.mark.parametrize("status", [RunStatus.QUEUED, RunStatus.RUNNING])
def test_what_was_left_behind_is_continued_or_superseded(status: RunStatus) -> None:
    assert decide("a", active(status=status)) == Continue("a", 7, "s1")
    assert decide("a", active(status=status, same_work=False)) == New("a", supersedes=7)


@pytest.mark.parametrize("holder", [None, "pid 4 on desk"])
@pytest.mark.parametrize("same_work", [True, False])
def test_what_is_paused_is_left_alone_whoever_has_it(holder: str | None, *, same_work: bool) -> None:
    row = replace(active(holder=holder, same_work=same_work), rests="session:s1")
    assert decide("a", row) == Refused("a", holder, RunStatus.QUEUED, rests="session:s1")


def test_what_only_waits_to_be_cancelled_makes_room_for_a_new_row() -> None:
    row = replace(active(status=RunStatus.RUNNING), is_cancelled=True)
    assert decide("a", row) == New("a", supersedes=7)
    assert isinstance(decide("a", replace(row, holder="pid 4 on desk")), Refused)


@pytest.mark.parametrize(
    ("decisions", "session"),
    [
        ([Continue("a", 1, "s1")], "s1"),
        ([Continue("a", 1, "s1"), Continue("b", 2, "s1")], "s1"),
        ([Continue("a", 1, "s1"), Continue("b", 2, "s2")], None),
        ([Continue("a", 1, "s1"), New("b")], None),
        ([New("a", supersedes=1)], None),
        ([Refused("a", "pid 4 on desk", RunStatus.RUNNING)], None),
        ([], None),
    ],
)
def test_a_session_goes_on_only_if_all_runs_go_on_in_it(decisions: list[Decision], session: str | None) -> None:
    assert session_to_continue(decisions) == session
