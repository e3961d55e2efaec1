"""Who may register beside whom."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.engine import Engine

from supervisor.artifacts.layout import RunsDirectory
from supervisor.errors import UsageError
from supervisor.store import supervisors
from supervisor.store.claims import Scope
from supervisor.store.databases import Databases
from supervisor.store.engine import transaction
from supervisor.store.supervisors import Heard, SupervisorRow
from supervisor.store.urls import sqlite_url
from supervisor.supervision.presence import being_present, this_supervisor
from supervisor.supervision.submission import register
from support.clocks import BEGIN

SCOPE = Scope(None, ["repo"])
ELSEWHERE: dict[str, Any] = {"boot_id": "other", "machine_id": "other", "host": "shelf"}


@dataclass
class Desk:
    """Where supervisors register."""

    engine: Engine
    databases: Databases
    directory: RunsDirectory

    def register(self, name: str, seconds: float = 0, **elsewhere: Any) -> SupervisorRow:
        me = replace(self.describe(name), **elsewhere)
        with transaction(self.engine) as connection:
            at = BEGIN + timedelta(seconds=seconds)
            assert register(connection, self.databases, self.directory, me, SCOPE, at=at) == [
                f"{me.id}-1",
                f"{me.id}-2",
            ]
        return me

    def describe(self, name: str) -> SupervisorRow:
        return this_supervisor(self.directory, desired_workers=2, lease_seconds=60, name=name)

    def everybody(self) -> list[SupervisorRow]:
        with transaction(self.engine) as connection:
            return [heard.supervisor for heard in supervisors.everybody(connection)]


@pytest.fixture(params=["one file", "files", "server"])
def desk(request: pytest.FixtureRequest, directory: RunsDirectory) -> Iterator[Desk]:
    directory.root.mkdir()
    url = (
        request.getfixturevalue("postgres_url") if request.param == "server" else sqlite_url(directory.control_database)
    )
    per_run = (lambda run_id: directory.run(run_id).database) if request.param == "files" else None
    databases = Databases(url, per_run=per_run)
    engine = databases.open_control()
    yield Desk(engine, databases, directory)
    engine.dispose()


@pytest.mark.parametrize("desk", ["files", "server"], indirect=True)
def test_any_number_may_register_beside_each_other(desk: Desk) -> None:
    one = desk.register("one")
    with being_present(desk.directory, one.id):
        two = desk.register("two")
    assert {row.id for row in desk.everybody()} == {one.id, two.id}


@pytest.mark.parametrize("desk", ["one file"], indirect=True)
def test_a_second_user_of_one_file_is_refused_and_told_of_both_ways_out(desk: Desk) -> None:
    one = desk.register("one")
    with pytest.raises(UsageError, match=f"in use by pid {one.pid} on {one.host}") as caught:
        desk.register("two")
    assert caught.value.exit_code == 2
    assert caught.value.hint is not None
    assert "PostgreSQL" in caught.value.hint
    assert "--per-run-sqlite" in caught.value.hint
    assert desk.everybody() == [one]


@pytest.mark.parametrize("desk", ["one file"], indirect=True)
def test_who_signed_off_or_died_does_not_keep_others_from_the_file(desk: Desk) -> None:
    one = desk.register("one")
    with transaction(desk.engine) as connection:
        supervisors.sign_off(connection, one.id, at=BEGIN)
    dead = desk.register("two", pid=2**22 + 1)  # above what Linux gives
    three = desk.register("three")
    assert {row.id for row in desk.everybody()} == {dead.id, three.id}


@pytest.mark.parametrize("desk", ["one file"], indirect=True)
def test_who_cannot_be_seen_keeps_the_file_until_its_lease_is_over(desk: Desk) -> None:
    """A container may have the same directory."""
    there = desk.register("one", **ELSEWHERE)
    with pytest.raises(UsageError, match="on shelf"):
        desk.register("two", seconds=60)
    assert desk.everybody() == [there]
    two = desk.register("two", seconds=61)
    assert {row.id for row in desk.everybody()} == {there.id, two.id}


def test_who_registered_is_heard_of_from_then_on_and_there_for_its_scope(desk: Desk) -> None:
    me = desk.register("one")
    with transaction(desk.engine) as connection:
        assert supervisors.present(connection, me.id) == Heard(me, BEGIN)
        assert supervisors.serving(connection, "any session", "repo") == [Heard(me, BEGIN)]
        assert supervisors.serving(connection, "any session", "another") == []
