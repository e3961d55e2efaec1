"""Whoever names the current term keeps its run; whoever takes one takes what it has looked at."""

from collections.abc import Callable, Collection
from dataclasses import fields, replace
from datetime import datetime

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from supervisor.model.states import RunStatus
from supervisor.store import claims, leases, runs, sessions
from supervisor.store.claims import Scope
from supervisor.store.engine import open_engine, transaction
from supervisor.store.runs import RunHead, RunRow
from supervisor.store.tables import runs as table
from support.clocks import HandClock

At = Callable[[float], datetime]


@pytest.fixture
def make_claimed(engine: Engine, session: str, add_run: Callable[..., int], clock: HandClock) -> Callable[..., RunRow]:
    def make(run_id: str, session_id: str = session, **others: object) -> RunRow:
        with transaction(engine) as connection:
            add_run(connection, run_id, session_id=session_id, **others)
            row = claims.claim(connection, f"worker of {run_id}", clock)
        assert row is not None
        assert row.run_id == run_id
        return row

    return make


def beat_of(engine: Engine, row: RunRow) -> datetime | None:
    with transaction(engine) as connection:
        return runs.get(connection, row.id).heartbeat_at


def test_only_running_rows_under_these_terms_are_renewed(
    engine: Engine, make_claimed: Callable[..., RunRow], add_run: Callable[..., int], clock: HandClock, at: At
) -> None:
    ours, rescued, ended, others = (make_claimed(name) for name in "abcd")
    with transaction(engine) as connection:
        runs.transition(connection, ended, RunStatus.FAILED, at=at(1), actor="x", event="failed")
        runs.transition(connection, rescued, RunStatus.QUEUED, at=at(1), actor="x", event="rescued")
        again = claims.claim(connection, "heir", clock)
        queued = add_run(connection, "e")
        assert again is not None
        terms = {row.id: row.lease_term for row in (ours, rescued, ended)} | {queued: 0, 10**6: 1}
        assert leases.renew(connection, terms, at=at(7)) == {ours.id}
    assert beat_of(engine, ours) == at(7)
    assert beat_of(engine, others) == others.heartbeat_at
    assert beat_of(engine, again) == again.heartbeat_at
    with transaction(engine) as connection:
        both = {ours.id: ours.lease_term, again.id: again.lease_term}
        assert leases.renew(connection, both, at=at(8)) == {ours.id, again.id}


def test_nothing_is_renewed_for_who_has_nothing(engine: Engine, claimed: RunRow, at: At) -> None:
    with transaction(engine) as connection:
        assert leases.renew(connection, {}, at=at(7)) == set()
    assert beat_of(engine, claimed) == claimed.heartbeat_at


def test_a_claim_is_unchanged_until_it_is_renewed_ended_or_made_anew(
    engine: Engine, claimed: RunRow, clock: HandClock, at: At
) -> None:
    with transaction(engine) as connection:
        assert leases.is_unchanged(connection, claimed)
        leases.renew(connection, {claimed.id: claimed.lease_term}, at=at(7))
        assert not leases.is_unchanged(connection, claimed)
        renewed = runs.get(connection, claimed.id)
        assert leases.is_unchanged(connection, renewed)
        assert not leases.is_unchanged(connection, replace(renewed, heartbeat_at=None))
        runs.transition(connection, renewed, RunStatus.QUEUED, at=at(8), actor="x", event="rescued")
        assert not leases.is_unchanged(connection, renewed)
        again = claims.claim(connection, "w2", clock)
        assert again is not None
        assert not leases.is_unchanged(connection, replace(again, lease_term=1))
        assert leases.is_unchanged(connection, again)


def test_a_claim_without_a_beat_can_be_unchanged(engine: Engine, claimed: RunRow, at: At) -> None:
    with transaction(engine) as connection:
        connection.execute(sa.update(table).values(heartbeat_at=None))
        row = runs.get(connection, claimed.id)
        assert row.heartbeat_at is None
        assert leases.is_unchanged(connection, row)
        leases.renew(connection, {row.id: row.lease_term}, at=at(7))
        assert not leases.is_unchanged(connection, row)


def test_a_row_that_somebody_has_locked_keeps_no_other_from_being_renewed(
    postgres_url: str, clock: HandClock, at: At, add_run: Callable[..., int]
) -> None:
    engine = open_engine(postgres_url)
    with transaction(engine) as connection:
        sessions.add(connection, "s", "letters", at=at(0))
        for name in "ab":
            add_run(connection, name, session_id="s")
    rows = []
    for name in "ab":
        with transaction(engine) as connection:
            rows.append(claims.claim(connection, f"worker of {name}", clock))
    locked, free = rows
    terms = {row.id: row.lease_term for row in rows}
    with transaction(engine) as looking, transaction(engine) as beating:
        assert leases.is_unchanged(looking, locked)
        assert leases.renew(beating, terms, at=at(1e9)) == set(terms)
    assert (beat_of(engine, locked), beat_of(engine, free)) == (locked.heartbeat_at, at(1e9))
    engine.dispose()


def test_running_runs_are_seen_in_a_scope_beside_those_named_and_without_our_own(
    engine: Engine, make_claimed: Callable[..., RunRow], add_run: Callable[..., int], at: At
) -> None:
    with transaction(engine) as connection:
        sessions.add(connection, "t", "another", at=at(0))
    a, b = make_claimed("a"), make_claimed("b", repository="other")
    c, d = make_claimed("c", "t"), make_claimed("d")
    with transaction(engine) as connection:
        runs.transition(connection, d, RunStatus.FAILED, at=at(1), actor="x", event="failed")
        queued = add_run(connection, "e")

        a, b, c, d = (
            RunHead(**{field.name: getattr(row, field.name) for field in fields(RunHead)}) for row in (a, b, c, d)
        )

        def seen(scope: Scope, also: Collection[int] = (), but: Collection[int] = ()) -> list[RunHead]:
            return leases.running(connection, scope, also=also, but=but)

        assert seen(Scope()) == [a, b, c]
        assert seen(Scope("s")) == [a, b]
        assert seen(Scope("s", ["repo"])) == [a]
        assert seen(Scope(None, ["repo"])) == [a, c]
        assert seen(Scope(None, [])) == []
        assert seen(Scope("s", ["repo"]), also={c.id, d.id, queued}) == [a, c]
        assert seen(Scope("s"), also={c.id}, but={a.id, c.id}) == [b]
