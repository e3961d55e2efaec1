"""Disks without room: before, while runs execute, and all at once; after room is made the same command finishes."""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.small_disk import SmallDisk

Archive = Any  # stands in conftest.py, which importlib mode keeps from being imported
DISK_BYTES = 8_000_000
PAGES = [f"scans/{number}.png" for number in range(4)]
AGAIN = "then type the same command again)"


@pytest.fixture
def disk(archive: Archive) -> Iterator[SmallDisk]:
    """The runs directory is a disk of its own."""
    made = SmallDisk(archive.runs, DISK_BYTES)
    yield made
    archive.kill_all()
    made.unmount()


@pytest.fixture
def long_run(archive: Archive) -> Archive:
    archive.scan(*PAGES)
    archive.job("a", "scans/*.png")
    archive.commit()
    return archive


@pytest.fixture
def database_options(request: pytest.FixtureRequest, database_kind: str) -> list[str]:
    return [] if database_kind == "sqlite" else [f"--database-url={request.getfixturevalue('postgres_url')}"]


def scarce(disk: SmallDisk, *, free: int, asked: int) -> str:
    says = f"the runs directory {disk.folder} has {free} MB free, and {asked} MB are asked for"
    return f"{says} (make room, or ask for less with --min-free; {AGAIN}"


def check_that_all_is_whole(archive: Archive, run_ids: str = "a") -> None:
    """Nothing is cut short, and nothing is left."""
    for file in archive.runs.rglob("*.db"):
        with sqlite3.connect(file) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)], file
        connection.close()
    for run_id in run_ids:
        trace = (archive.runs / run_id / "trace.jsonl").read_bytes()
        assert trace.endswith(b"\n")
        assert all(json.loads(line)["event"] for line in trace.splitlines())
        assert archive.manifest(run_id)["status"] == "succeeded"
        assert not archive.scratch(run_id)
    left = [path for path in archive.runs.rglob("*") if is_temporary(path)]
    assert left == []
    archive.git("fsck", "--strict")
    git = archive.top / ".git"
    assert not [path for path in git.rglob("*") if "tmp_" in path.name or path.name == "index.lock"]
    assert archive.pins() == ""


def is_temporary(path: Path) -> bool:
    return path.name in {".staging", ".scratch"} or path.suffix in {".tmp", ".new", ".draft"} or ".json." in path.name


def test_a_disk_with_too_little_room_is_refused_before_anything_is_made(long_run: Archive, disk: SmallDisk) -> None:
    done = long_run.supervisor("--run-ids=a")
    assert (done.code, done.out) == (4, "")
    assert done.err == f"supervisor: {scarce(disk, free=8, asked=100)}\n"
    assert list(disk.folder.iterdir()) == []
    assert long_run.pins() == ""
    found = {one["name"]: one for one in long_run.supervisor("doctor", "--json").document["findings"]}
    assert (found["runs"]["level"], "has 8 MB free" in found["runs"]["message"]) == ("error", True)


def test_runs_stop_in_order_when_room_becomes_scarce(
    long_run: Archive, disk: SmallDisk, gate: Any, wait_until: Any, database_options: list[str]
) -> None:
    command = ["--run-ids=a", "--ocr-workers=1", "--min-free=3", "--no-cache", *database_options]
    gate.let_through(2)
    running = long_run.start(*command, **gate.environment)
    wait_until(lambda: len(long_run.recognised("a")) == 2 and gate.arrived() == 3)
    disk.fill(leaving_bytes=1_500_000)
    wait_until(lambda: long_run.has_heard_to_stop("a"))
    gate.let_through(1)
    done = running.end()
    assert (done.code, done.out) == (4, "")
    assert done.err.splitlines()[-2:] == [
        "a: interrupted",
        f"supervisor: {scarce(disk, free=1, asked=3)}",
    ]
    assert not (long_run.runs / "a/output").exists()
    history = long_run.supervisor("show", "a", "--json", *database_options).document["events"]
    assert [str(disk.folder) in one["reason"] for one in history if one["event"] == "interrupted"] == [True]
    disk.make_room()
    gate.open()
    again = long_run.supervisor(*command, "--json", **gate.environment)
    assert (again.code, again.runs["a"]["attempt"], again.runs["a"]["pages"]["ocr"]) == (0, 1, len(PAGES))
    assert long_run.recognised("a") == PAGES, "what was in flight when room became scarce was finished"
    assert all("harbour" in long_run.text("a", page) for page in PAGES)
    check_that_all_is_whole(long_run)


def test_a_disk_that_fills_up_all_at_once_costs_no_page_that_was_stored(
    long_run: Archive, disk: SmallDisk, gate: Any, wait_until: Any
) -> None:
    command = ["--run-ids=a", "--ocr-workers=1", "--min-free=0", "--no-cache", "--max-retries=0"]
    gate.let_through(2)
    running = long_run.start(*command, **gate.environment)
    wait_until(lambda: len(long_run.recognised("a")) == 2 and gate.arrived() == 3)
    disk.fill()
    gate.open()
    done = running.end()
    assert (done.code, done.out) == (4, "")
    assert done.err.splitlines()[-1].startswith("supervisor: no room is left on the disk of ")
    assert done.err.splitlines()[-1].endswith(f"(make room, {AGAIN}")
    disk.make_room()
    again = long_run.supervisor(*command, "--json", **gate.environment)
    assert (again.code, again.runs["a"]["attempt"], again.runs["a"]["pages"]["ocr"]) == (0, 1, len(PAGES))
    assert set(long_run.recognised("a")) == set(PAGES)
    twice = {page for page in PAGES if long_run.recognised("a").count(page) > 1}
    assert len(twice) <= 1, "only the page that found no room"
    assert all("harbour" in long_run.text("a", page) for page in PAGES)
    check_that_all_is_whole(long_run)


def test_however_little_is_left_a_command_ends_in_order_and_goes_on_later(three: Archive, disk: SmallDisk) -> None:
    """Little room ends it at another step each time: database, locks, checkout, log, staging, manifest."""
    command = ["--run-ids=a,b", "--workers=2", "--min-free=0", "--max-retries=0"]
    codes = []
    for leaving_bytes in (0, 200_000):
        disk.fill(leaving_bytes=leaving_bytes)
        done = three.supervisor(*command)
        codes.append(done.code)
        assert done.code == 0 or (done.code == 4 and "(make room, " in done.err.splitlines()[-1]), done
        disk.make_room()
    assert codes[0] == 4
    again = three.supervisor(*command, "--json")
    assert (again.code, {run["status"] for run in again.runs.values()}) == (0, {"succeeded"})
    assert all("harbour" in three.text(run_id, f"scans/{run_id}.png") for run_id in "ab")
    check_that_all_is_whole(three, "ab")


@pytest.mark.parametrize(("kilobytes", "code"), [(4, 4), (1000, 0)])
def test_pages_without_room_in_memory_go_through_the_disk(
    three: Archive, tmp_path: Path, kilobytes: int, code: int
) -> None:
    # The archive may lie where the small disk comes to be.
    mounts = [
        f"mount --bind {tmp_path} /mnt",
        f"mount -t tmpfs -o size={kilobytes}k small-disk /dev/shm",
        f"mkdir -p {tmp_path}",
        f"mount --bind /mnt {tmp_path}",
    ]
    mount = f"{' && '.join(mounts)} || exit 99"
    done = three.shell(f"unshare --mount sh -c '{mount}; exec supervisor --run-ids=a --max-retries=0'").end()
    if done.code in {1, 99} and "unshare:" in done.err + "unshare:" * (done.code == 99):
        pytest.skip(f"nothing can be mounted here: {done.err}")
    assert done.code == code, done
    if code:
        # For semaphores there is no other place.
        assert done.err.splitlines()[-1] == f"supervisor: no room is left on the disk of /dev/shm (make room, {AGAIN}"
    else:
        assert "harbour" in three.text("a", "scans/a.png")


def test_nothing_is_added_to_a_page_cache_with_little_room(three: Archive, tmp_path: Path) -> None:
    cache = SmallDisk(tmp_path / "cache", DISK_BYTES)
    try:
        done = three.supervisor("--run-ids=a", f"--cache-dir={cache.folder}")
        assert f"the page cache {cache.folder} has 8 MB free, and 100 MB are asked for: no page is added" in done.err
        assert (done.code, list(cache.folder.glob("entries/*/*"))) == (0, [])
    finally:
        three.kill_all()
        cache.unmount()
