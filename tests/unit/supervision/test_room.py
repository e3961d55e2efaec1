"""What a lack of room does to runs, and when it is noticed."""

import errno
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from supervisor.artifacts.layout import RunDirectory, RunsDirectory
from supervisor.artifacts.publish import publish_output
from supervisor.errors import NoRoomError
from supervisor.git.repository import Repository
from supervisor.model.states import RunStatus
from supervisor.store.errors import DatabaseFull
from supervisor.supervision.assignment import Ending
from supervisor.supervision.claim import Claimant
from supervisor.supervision.end import end
from supervisor.supervision.reap import out_of_room, trouble
from supervisor.supervision.room import LOOK_SECONDS, Needed, RoomWatch, check_room, needed_for_runs
from support.bench import Bench
from support.clocks import HandClock
from support.small_disk import SmallDisk

MB = 10**6
MakeDisk = Callable[..., SmallDisk]


@pytest.fixture
def make_disk() -> Iterator[MakeDisk]:
    made: list[SmallDisk] = []

    def make(folder: Path, size_bytes: int = 4 * MB, **others: int) -> SmallDisk:
        made.append(SmallDisk(folder, size_bytes, **others))
        return made[-1]

    yield make
    for disk in made:
        disk.unmount()


def test_too_little_is_refused_and_what_is_not_asked_for_is_not_looked_at(tmp_path: Path, make_disk: MakeDisk) -> None:
    disk = make_disk(tmp_path / "disk")
    places = [Needed("the git directory", tmp_path), Needed("the runs directory", disk.folder / "runs")]
    check_room(places, 3 * MB)
    check_room(places, 0)
    with pytest.raises(NoRoomError) as caught:
        check_room(places, 4_500_000)
    message = f"the runs directory {disk.folder}/runs has 4 MB free, and 5 MB are asked for"
    assert (caught.value.message, caught.value.exit_code) == (message, 4)


def test_a_disk_on_which_no_file_can_be_made_is_as_good_as_full(tmp_path: Path, make_disk: MakeDisk) -> None:
    disk = make_disk(tmp_path / "disk", inodes=10)
    with pytest.raises(NoRoomError, match="has 9 free inodes, and 1,000 are asked for"):
        check_room([Needed("the runs directory", disk.folder)], MB)


def test_places_on_one_disk_are_one(repository: Repository, directory: RunsDirectory, make_disk: MakeDisk) -> None:
    assert [one.what for one in needed_for_runs(repository, directory)] == ["the runs directory"]
    make_disk(directory.root)
    assert [one.what for one in needed_for_runs(repository, directory)] == ["the runs directory", "the git directory"]


def test_it_is_looked_from_time_to_time_or_when_something_has_failed(
    tmp_path: Path, make_disk: MakeDisk, clock: HandClock
) -> None:
    disk = make_disk(tmp_path / "disk")
    watch = RoomWatch([Needed("the runs directory", disk.folder)], 2 * MB, clock)
    watch.look()
    disk.fill()
    clock.seconds += LOOK_SECONDS / 2
    watch.look()
    assert watch.lack is None
    clock.seconds += LOOK_SECONDS / 2
    watch.look()
    assert watch.lack is not None
    first = watch.lack
    watch.heed(NoRoomError("another"))
    assert watch.lack is first, "what came first is what is told"
    at_once = RoomWatch([Needed("the runs directory", disk.folder)], 2 * MB, clock)
    at_once.look(at_once=True)
    assert at_once.lack is not None


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "", "/a"), OSError(errno.EDQUOT, "", "/a"), NoRoomError("/a")])
def test_what_cannot_be_made_for_lack_of_room_costs_no_attempt(error: Any) -> None:
    ending = trouble(error)
    assert (ending.status, ending.event, ending.transient, ending.worker_failed) == (
        "queued",
        "interrupted",
        False,
        False,
    )
    assert "/a" in (ending.reason or "")
    assert ending.no_room is not None


def test_a_run_whose_locks_have_no_room_goes_back_to_the_queue(bench: Bench, make_disk: MakeDisk) -> None:
    run = bench.add("a")
    make_disk(bench.shop.run_locks.locks_dir, inodes=1)
    with pytest.raises(NoRoomError, match="no room is left on the disk of"):
        Claimant(bench.shop).claim(bench.workers[0])
    row = bench.row(run)
    assert (row.status, row.attempt, row.claimed_by, row.retry_count) == ("queued", 1, None, 0)
    assert (bench.events(run)[-1].event, bench.worker()) == ("interrupted", ("idle", None))


@pytest.mark.parametrize(
    "step", ["supervisor.supervision.end.publish_output", "supervisor.store.databases.Databases.checkpoint"]
)
def test_results_without_room_end_no_run(bench: Bench, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    run = bench.add("a")
    assignment = bench.claim()
    bench.stage(assignment.row, "new")
    bench.shop.databases.open_results("a").close()

    def refuse(*_: object) -> None:
        raise DatabaseFull("full")

    with monkeypatch.context() as patch:
        patch.setattr(step, refuse)
        with pytest.raises(NoRoomError):
            end(bench.shop, assignment, Ending(RunStatus.SUCCEEDED, "succeeded"))
    assert (bench.row(run).status, bench.events(run)[-1].event) == ("running", "claimed")
    assert end(bench.shop, assignment, out_of_room(NoRoomError("full")))
    row, last = bench.row(run), bench.events(run)[-1]
    assert (row.status, row.attempt, last.event, last.detail["reason"]) == ("queued", 1, "interrupted", "full")


def test_output_that_finds_no_room_for_its_name_leaves_the_earlier_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = RunDirectory(tmp_path / "a")
    for folder, text in ((run.output, "old"), (run.staging(1) / "output", "new")):
        folder.mkdir(parents=True)
        (folder / "a.txt").write_text(text)
    rename = Path.rename

    def refuse(path: Path, target: Path) -> Path:
        if path == run.staging(1) / "output":
            raise OSError(errno.ENOSPC, "")
        return rename(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", refuse)
        with pytest.raises(NoRoomError):
            publish_output(run, 1)
    assert (run.output / "a.txt").read_text() == "old"
    publish_output(run, 1)
    assert (run.output / "a.txt").read_text() == "new"
