"""Workers that come and go while runs execute."""

from dataclasses import replace

import pytest
import sqlalchemy as sa

from supervisor.model.numbers import MAX_WORKERS
from supervisor.store.claims import Scope
from supervisor.store.databases import Databases
from supervisor.store.engine import transaction
from supervisor.store.errors import DatabaseUnavailable
from supervisor.store.tables import workers
from supervisor.supervision.end import end
from supervisor.supervision.reap import INTERRUPTED
from supervisor.supervision.staff import Staff
from support.bench import Bench
from support.run_queue import lost_answers

SCOPE = Scope(None, ["repo"])


@pytest.fixture
def staff(bench: Bench) -> Staff:
    return Staff(bench.shop, SCOPE, bench.workers)


def present(bench: Bench) -> list[str]:
    """The workers that are on record and have not ended, by the numbers in their names."""
    query = sa.select(workers.c.id).where(workers.c.supervisor_id == bench.shop.me.id, workers.c.ended_at.is_(None))
    with transaction(bench.shop.engine) as connection:
        return sorted(name.rpartition("-")[2] for name in connection.scalars(query))


def test_idle_workers_come_and_go_at_once(bench: Bench, staff: Staff) -> None:
    staff.scale(2)
    assert (present(bench), bench.said) == (["1", "2"], [])
    staff.scale(4)
    assert present(bench) == ["1", "2", "3", "4"]
    staff.scale(1)
    assert present(bench) == ["1"]
    staff.scale(2)
    assert present(bench) == ["1", "5"], "no name stands for two workers"
    assert bench.said == [
        "4 workers from now on, 2 before",
        "1 worker from now on, 4 before",
        "2 workers from now on, 1 before",
    ]


def test_a_busy_worker_goes_when_its_run_has_ended(bench: Bench, staff: Staff) -> None:
    bench.add("a")
    bench.add("b")
    one, other = bench.claim(0), bench.claim(1)
    for assignment in (one, other):
        staff.take_on(assignment)
    staff.scale(1)
    assert (present(bench), staff.next_idle) == (["1", "2"], None)
    end(bench.shop, one, INTERRUPTED)
    staff.free(one)
    assert staff.next_idle is None, "the other one is busy still, and there is to be one"
    staff.scale(1)
    assert present(bench) == ["2"]
    staff.free(other)
    assert staff.next_idle == other.worker_id


def test_a_worker_that_does_not_know_yet_that_it_has_a_run_stays(bench: Bench, staff: Staff) -> None:
    """The answer to its claim was lost; if it went, nobody would execute the run for as long as we live."""
    bench.add("a")
    unheard_of = bench.claim(1)
    staff.scale(1)
    assert present(bench) == ["1", "2"]
    end(bench.shop, unheard_of, INTERRUPTED)
    staff.scale(1)
    assert present(bench) == ["1"]


@pytest.mark.parametrize(("desired", "had"), [(0, 1), (-3, 1), (MAX_WORKERS + 1, MAX_WORKERS)])
def test_there_are_never_fewer_than_one_nor_more_than_a_machine_bears(
    bench: Bench, staff: Staff, desired: int, had: int
) -> None:
    staff.scale(desired)
    assert len(present(bench)) == had


@pytest.mark.parametrize("desired", [1, 3])
def test_after_a_lost_answer_the_next_try_comes_to_the_same(bench: Bench, staff: Staff, desired: int) -> None:
    with pytest.raises(DatabaseUnavailable), lost_answers(bench.shop.engine):
        staff.scale(desired)
    staff.scale(desired)
    assert present(bench) == [str(number) for number in range(1, desired + 1)]
    assert len(bench.said) == 1
    staff.scale(4)
    assert len(present(bench)) == 4


def test_one_sqlite_file_for_all_keeps_its_one_worker(bench: Bench) -> None:
    databases = Databases(bench.shop.databases.control_url, per_run=None)
    Staff(replace(bench.shop, databases=databases), SCOPE, bench.workers[:1]).scale(3)
    assert present(bench) == (["1", "2"] if databases.is_sqlite else ["1", "2", "3"])
    assert len(bench.said) == (0 if databases.is_sqlite else 1)
