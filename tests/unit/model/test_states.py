from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.model.states import (
    ACTIVE,
    TRANSITIONS,
    RunStatus,
    SessionStatus,
    TransitionError,
    check_transition,
    session_outcome,
)

ENDED = set(RunStatus) - ACTIVE


def test_the_table_speaks_of_every_state() -> None:
    assert set(TRANSITIONS) == set(RunStatus)


@pytest.mark.parametrize(("before", "after"), list(product(RunStatus, RunStatus)))
def test_a_step_is_in_the_table_or_refused(before: RunStatus, after: RunStatus) -> None:
    allowed = {
        ("queued", "running"),
        ("queued", "cancelled"),
        ("running", "queued"),
        ("running", "succeeded"),
        ("running", "failed"),
        ("running", "cancelled"),
    }
    if (before, after) in allowed:
        check_transition(before, after)
    else:
        with pytest.raises(TransitionError, match=f"from {before} to {after}"):
            check_transition(before, after)


def test_an_ended_run_stays_as_it_ended() -> None:
    assert {status for status, after in TRANSITIONS.items() if not after} == ENDED


@given(st.lists(st.sampled_from(RunStatus), max_size=8))
def test_a_session_ends_as_its_worst_run(runs: list[RunStatus]) -> None:
    outcome = session_outcome(runs)
    if set(runs) & ACTIVE:
        assert outcome is None
    elif RunStatus.FAILED in runs:
        assert outcome is SessionStatus.FAILED
    elif RunStatus.CANCELLED in runs:
        assert outcome is SessionStatus.CANCELLED
    else:
        assert outcome is SessionStatus.COMPLETED
