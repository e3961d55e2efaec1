"""What is tidied up after others, and what is not ours to touch."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from supervisor.artifacts.layout import RunsDirectory
from supervisor.locks.machine import this_machine
from supervisor.model.states import RunStatus
from supervisor.ocr.pages.scratch import make_scratch
from supervisor.store.databases import Databases
from supervisor.store.engine import transaction
from supervisor.store.runs import RunRow
from supervisor.store.tables import runs
from supervisor.store.urls import sqlite_url
from supervisor.supervision.assignment import Assignment, Ending
from supervisor.supervision.end import end
from supervisor.supervision.leftovers import settle_leftovers
from supervisor.supervision.provision import drop_scratch
from supervisor.supervision.settle import abandon, settle
from support.bench import ELSEWHERE, SPEC, Bench
from support.schemas import check_document

FAILED = Ending(RunStatus.FAILED, "failed", "1 of 2 documents failed")
A_CONTAINER: dict[str, Any] = {"pid_namespace": "pid:[1]", "pid": 1}


def executing(bench: Bench, run_id: str = "a") -> Assignment:
    """Let a run be at work: with a pin, a workspace, and something staged."""
    bench.add(run_id)
    assignment = bench.claim()
    row = assignment.row
    bench.shop.repository.pin({run_id: row.commit_sha})
    bench.shop.workspaces.create(run_id, row.commit_sha, SPEC.checkout_paths())
    bench.stage(row, "new")
    return assignment


def left(bench: Bench, *run_ids: str) -> list[RunRow]:
    """Let runs end, and their supervisor as well, before it has tidied up."""
    assignments = [executing(bench, run_id) for run_id in run_ids]
    for assignment in assignments:
        assert end(bench.shop, assignment, FAILED)
        assignment.release()
        (bench.directory_of(assignment.row).root / ".staging" / "more").touch()
    return [bench.row(assignment.row.id) for assignment in assignments]


def remains(bench: Bench, row: RunRow) -> set[str]:
    """Return what there is still of a run."""
    directory = bench.directory_of(row)
    found = {
        "pin": row.run_id in bench.shop.repository.pinned(),
        "workspace": bench.shop.workspaces.path(row.run_id).exists(),
        "staging": (directory.root / ".staging").exists(),
        "manifest": directory.manifest.exists(),
        "settled": bench.row(row.id).settled_at is not None,
    }
    return {name for name, is_there in found.items() if is_there}


UNSETTLED = {"pin", "workspace", "staging"}
SETTLED = {"manifest", "settled"}


def test_what_a_killed_supervisor_left_is_settled_once(bench: Bench, make_bench: Callable[..., Bench]) -> None:
    [row] = left(make_bench("killed"), "a")
    assert remains(bench, row) == UNSETTLED
    settle_leftovers(bench.shop, "repo")
    assert remains(bench, row) == SETTLED
    manifest = json.loads(bench.directory_of(row).manifest.read_text())
    check_document(manifest)
    assert (manifest["run_id"], manifest["status"], manifest["error"]) == ("a", "failed", FAILED.reason)
    assert bench.output(row) == "new"
    at = bench.row(row.id).settled_at
    bench.directory_of(row).manifest.unlink()
    settle_leftovers(bench.shop, "repo")
    assert bench.row(row.id).settled_at == at
    assert remains(bench, row) == {"settled"}


@pytest.mark.parametrize("held", ["lock", "lease"])
def test_what_goes_on_or_is_being_settled_is_let_alone(
    bench: Bench, make_bench: Callable[..., Bench], held: str
) -> None:
    other = make_bench("other")
    running = executing(other, "a").row
    ended = executing(other, "b")
    assert end(other.shop, ended, FAILED)
    (ended.lease if held == "lock" else ended.lock).close()
    settle_leftovers(bench.shop, "repo")
    assert remains(bench, running) == remains(bench, ended.row) == UNSETTLED
    assert bench.said == []
    ended.release()
    settle_leftovers(bench.shop, "repo")
    assert (remains(bench, running), remains(bench, ended.row)) == (UNSETTLED, SETTLED)


def test_what_a_living_pool_has_in_memory_is_let_alone(bench: Bench) -> None:
    """Another container that shares the memory can have a runs directory of the same name, and not our locks."""
    directory = bench.shop.runs_directory
    folders = [directory.scratch("a"), directory.spill("a")]
    try:
        with make_scratch(folders[0]) as at_work, make_scratch(folders[1]) as spilling:
            (folders[0] / f"{at_work.path.name}-dead").mkdir()
            drop_scratch(bench.shop, "a")
            assert [list(folder.iterdir()) for folder in folders] == [[at_work.path], [spilling.path]]
    finally:
        drop_scratch(bench.shop, "a")
    assert not any(folder.exists() for folder in folders)


def test_other_repositories_have_their_own_supervisors(bench: Bench, make_bench: Callable[..., Bench]) -> None:
    [row] = left(make_bench("killed"), "a")
    settle_leftovers(bench.shop, "another")
    assert remains(bench, row) == UNSETTLED


def test_an_older_row_leaves_the_files_to_the_newer_one(bench: Bench, make_bench: Callable[..., Bench]) -> None:
    [row] = left(make_bench("killed"), "a")
    newer = bench.add("a")
    settle_leftovers(bench.shop, "repo")
    assert remains(bench, row) == UNSETTLED | {"settled"}
    assert bench.row(newer).settled_at is None


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
@pytest.mark.parametrize("elsewhere", [ELSEWHERE, A_CONTAINER, "another directory"], ids=str)
def test_nothing_that_another_machine_or_directory_has_is_settled(
    bench: Bench, make_bench: Callable[..., Bench], tmp_path: Path, elsewhere: Any
) -> None:
    """A server is shared by machines; where each run has a file, all of them are here."""
    if elsewhere == "another directory":
        there = make_bench("there", runs=RunsDirectory(tmp_path / "others"))
    else:
        there = make_bench("there", **elsewhere)
    [row] = left(there, "a")
    settle_leftovers(bench.shop, "repo")
    assert remains(there, row) - {"pin"} == UNSETTLED - {"pin"}
    assert bench.said == []
    if elsewhere == "another directory":
        settle_leftovers(there.shop, "repo")
        assert remains(there, row) == SETTLED


def test_what_was_here_before_the_machine_was_booted_is_settled(bench: Bench, make_bench: Callable[..., Bench]) -> None:
    here = {"machine_id": this_machine().machine_id, "boot_id": "before"}
    [row] = left(make_bench("before", **here), "a")
    settle_leftovers(bench.shop, "repo")
    assert remains(bench, row) == SETTLED


def test_one_that_cannot_be_settled_is_told_of_and_does_not_keep_the_others(
    bench: Bench, make_bench: Callable[..., Bench]
) -> None:
    first, second = left(make_bench("killed"), "a", "b")
    bench.directory_of(first).manifest.mkdir()
    settle_leftovers(bench.shop, "repo")
    assert len(bench.said) == 1
    assert bench.said[0].startswith("run a: tidying up after it failed: ")
    assert bench.row(first.id).settled_at is None
    assert remains(bench, second) == SETTLED


def test_pins_of_what_ended_elsewhere_go_and_those_of_what_is_needed_stay(
    bench: Bench, make_bench: Callable[..., Bench]
) -> None:
    repository = bench.shop.repository
    commit = repository.resolve("HEAD")
    executing(make_bench("other"), "running")
    bench.add("queued")
    bench.add("of-another-repository", repository="another")
    bench.add("ended-elsewhere")
    with transaction(bench.shop.engine) as connection:
        ended = sa.update(runs).where(runs.c.run_id == "ended-elsewhere")
        connection.execute(ended.values(status=RunStatus.SUCCEEDED, settled_at=runs.c.created_at))
    for run_id in ("queued", "of-another-repository", "ended-elsewhere"):
        repository.pin({run_id: commit})
    settle_leftovers(bench.shop, "repo")
    assert repository.pinned().keys() == {"running", "queued", "of-another-repository"}


def test_a_run_that_goes_back_to_the_queue_leaves_its_workspace_and_keeps_its_pin(bench: Bench) -> None:
    assignment = executing(bench)
    bench.requeue(assignment.row)
    assert settle(bench.shop, assignment.row).kept is None
    assert remains(bench, assignment.row) == {"pin", "staging"}


def test_what_was_done_for_a_run_that_is_anothers_now_goes(bench: Bench) -> None:
    assignment = executing(bench)
    bench.requeue(assignment.row)
    directory = bench.directory_of(assignment.row)
    its = directory.staging(assignment.row.lease_term + 1) / "output"
    its.mkdir(parents=True)
    assert abandon(bench.shop, assignment.row).kept is None
    assert not directory.staging(assignment.row.lease_term).exists()
    assert its.is_dir()
    assert remains(bench, assignment.row) == {"pin", "staging"}


def test_a_workspace_in_which_somebody_worked_is_kept_with_its_pin(bench: Bench) -> None:
    assignment = executing(bench)
    (bench.shop.workspaces.path("a") / "notes.txt").write_text("do not lose me")
    assert end(bench.shop, assignment, FAILED)
    assert settle(bench.shop, assignment.row).kept is not None
    assert remains(bench, assignment.row) == {"pin", "workspace", "manifest", "settled"}


def test_pins_of_another_database_stay(make_bench: Callable[..., Bench], tmp_path: Path) -> None:
    here = make_bench("here")
    run = here.add("letters")
    here.shop.repository.pin({"letters": here.row(run).commit_sha})
    other = Databases(sqlite_url(tmp_path / "other.db"), per_run=lambda run_id: tmp_path / run_id)
    other.open_control().dispose()
    settle_leftovers(make_bench("there", at=other).shop, "repo")
    assert "letters" in here.shop.repository.pinned()
