from collections.abc import Callable
from datetime import datetime

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from supervisor.model.states import RunStatus, SessionStatus
from supervisor.store import runs, sessions
from supervisor.store.engine import transaction
from supervisor.store.sessions import SessionRow
from supervisor.store.tables import sessions as table

At = Callable[[float], datetime]


def test_a_session_begins_running(engine: Engine, session: str) -> None:
    with transaction(engine) as connection:
        assert sessions.get(connection, session) == SessionRow("s", "letters", SessionStatus.RUNNING)


@pytest.mark.parametrize(
    ("ends", "outcome"),
    [
        ((RunStatus.SUCCEEDED, RunStatus.SUCCEEDED), SessionStatus.COMPLETED),
        ((RunStatus.SUCCEEDED, RunStatus.CANCELLED), SessionStatus.CANCELLED),
        ((RunStatus.FAILED, RunStatus.CANCELLED), SessionStatus.FAILED),
    ],
)
def test_the_last_run_ends_its_session(
    engine: Engine,
    session: str,
    add_run: Callable[..., int],
    at: At,
    *,
    ends: tuple[RunStatus, RunStatus],
    outcome: SessionStatus,
) -> None:
    with transaction(engine) as connection:
        sessions.add(connection, "other", "not concerned", at=at(0))
        for name in "ab":
            add_run(connection, name)
        for name, end in zip("ab", ends, strict=True):
            sessions.conclude(connection, session, at=at(1))
            assert sessions.get(connection, session).status is SessionStatus.RUNNING
            active = runs.active(connection, "repo", name)
            assert active is not None
            row = runs.claim(connection, "w", [active.id], at=at(1))
            assert row is not None
            runs.transition(connection, row, end, at=at(2), actor="x", event=end)
        sessions.conclude(connection, session, at=at(3))
        assert sessions.get(connection, session).status is outcome
        assert sessions.get(connection, "other").status is SessionStatus.RUNNING
        finished = connection.scalar(sa.select(table.c.finished_at).where(table.c.id == session))
    assert finished == at(3)
