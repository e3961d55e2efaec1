import errno
import json
import os
import resource
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from supervisor.artifacts.appending import append, drop_torn_line, open_to_append
from supervisor.artifacts.atomic import write_atomically
from supervisor.artifacts.log_pump import LogPump
from supervisor.artifacts.logs import LineFile, RotatedLog
from supervisor.errors import NoRoomError, SurroundingsError
from supervisor.locks.descriptor import unusable
from supervisor.locks.holder import Holder
from supervisor.locks.lockfile import LockFile
from supervisor.locks.processes import wait_until
from supervisor.ocr.cache.files import EntryFiles
from supervisor.room import is_full, lack_of_room, needing_room, room_at
from support.small_disk import SmallDisk


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    made = SmallDisk(tmp_path / "disk", 400_000)
    yield made
    made.unmount()


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {"filler"}


def test_what_has_no_room_is_not_there_yet_measures_where_it_would_be(disk: SmallDisk, tmp_path: Path) -> None:
    inside, outside = room_at(disk.folder / "a" / "b"), room_at(tmp_path / "c")
    assert inside.device != outside.device
    assert 0 < inside.free_bytes < 500_000 < outside.free_bytes
    assert inside.free_files is None or inside.free_files > 0


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (OSError(errno.ENOSPC, "", "/a/b"), "no room is left on the disk of /a/b"),
        (OSError(errno.ENOSPC, ""), "no room is left on the disk of /c"),
        (OSError(errno.EDQUOT, "", "/a/b"), "the disk quota for /a/b is used up"),
        (NoRoomError("as it was"), "as it was"),
        (OSError(errno.EACCES, ""), None),
        (ValueError(), None),
    ],
)
def test_which_errors_are_a_lack_of_room(error: Exception, message: str | None) -> None:
    found = lack_of_room(error, Path("/c"))
    assert (found and found.message) == message
    if found:
        assert (found.exit_code, found.hint) == (4, "make room, then type the same command again")


def test_a_full_disk_is_found_by_trying_and_nothing_is_left_on_it(disk: SmallDisk) -> None:
    disk.fill(leaving_bytes=100_000)
    assert is_full(disk.folder)
    assert not is_full(disk.folder.parent)
    assert names(disk.folder) == set()


def test_a_file_that_has_no_room_leaves_the_earlier_one_as_it_was(disk: SmallDisk) -> None:
    file = disk.folder / "run.json"
    write_atomically(file, b"earlier")
    disk.fill()
    with pytest.raises(NoRoomError, match=r"no room is left on the disk of .*run\.json"):
        write_atomically(file, bytes(100_000))
    assert file.read_bytes() == b"earlier"
    assert names(disk.folder) == {"run.json"}


def test_a_line_is_there_as_a_whole_or_not_at_all(disk: SmallDisk) -> None:
    path = disk.folder / "trace.jsonl"
    with open_to_append(path) as file:
        append(file, b"first\n")
        disk.fill()
        with pytest.raises(OSError, match="No space left"):
            append(file, b"x" * 10_000 + b"\n")
        assert path.read_bytes() == b"first\n"
        disk.make_room()
        append(file, b"second\n")
    assert path.read_bytes() == b"first\nsecond\n"


@pytest.mark.parametrize(
    ("content", "kept"),
    [(b"", b""), (b"torn", b""), (b"one\n", b"one\n"), (b"one\n" + b"x" * 200_000, b"one\n"), (b"\ntorn", b"\n")],
)
def test_a_torn_line_is_taken_back_by_whoever_appends_next(tmp_path: Path, content: bytes, kept: bytes) -> None:
    path = tmp_path / "trace.jsonl"
    path.write_bytes(content)
    with open_to_append(path) as file:
        drop_torn_line(file)
        append(file, b"next\n")
    assert path.read_bytes() == kept + b"next\n"


def test_a_log_without_room_holds_nobody_up_and_tells_what_is_missing(disk: SmallDisk) -> None:
    path = disk.folder / "executor.log"
    pump = LogPump(LineFile(path, max_bytes=300_000), run_id="a")
    os.write(pump.writer, b"first\n")
    assert wait_until(lambda: path.exists() and b'"first"' in path.read_bytes(), 5)
    disk.fill()
    # More than the pipe holds: it is read on.
    written = sum(os.write(pump.writer, b"x" * 4095 + b"\n") for _ in range(40))
    missing_from = path.stat().st_size
    disk.make_room()
    os.write(pump.writer, b"last\n")
    pump.close_writer()
    assert pump.join(5)
    lines = [json.loads(line) for line in path.read_bytes().splitlines()]
    assert (lines[0]["event"], lines[-1]["event"]) == ("first", "last")
    (gap,) = [line for line in lines if line["event"].endswith(" bytes are missing here: they could not be written")]
    assert (gap["level"], gap["run_id"]) == ("error", "a")
    assert missing_from < written


def test_a_log_that_has_no_room_for_its_next_file_keeps_the_earlier_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = RotatedLog(tmp_path / "executor.log", max_bytes=4)
    log.write(b"one\n")
    log.write(b"two\n")

    def refuse(_path: Path) -> None:
        raise OSError(errno.ENOSPC, "")

    with monkeypatch.context() as patch:
        patch.setattr("supervisor.artifacts.logs.open_to_append", refuse)
        for _ in range(3):
            with pytest.raises(OSError, match=str(errno.ENOSPC)):
                log.write(b"lost\n")
    log.write(b"three\n")
    log.close()
    found = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert found == {"executor.log": b"three\n", "executor.log.1": b"two\n", "executor.log.2": b"one\n"}


def test_a_file_that_may_not_become_so_large_is_no_full_disk(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(SurroundingsError, match="may not become so large") as caught:
            write_atomically(tmp_path / "large", bytes(2000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (type(caught.value), caught.value.hint) == (SurroundingsError, "allow larger files, with ulimit -f")


def test_a_lock_file_without_room_says_so() -> None:
    found = unusable(Path("/a.lock"), OSError(errno.ENOSPC, ""))
    assert isinstance(found, NoRoomError)


def test_a_lock_record_without_room_leaves_the_earlier_one(disk: SmallDisk) -> None:
    file = LockFile(kind="run", name="a", path=disk.folder / "a.lock")
    holder = Holder.this_process("a", term=1)
    file.write_record(holder)
    disk.fill()
    with pytest.raises(NoRoomError):
        file.write_record(replace(holder, workspace="x" * 10_000))
    assert file.recorded() == holder
    assert names(disk.folder) == {"a.json"}


def test_other_errors_pass_as_they_are(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), needing_room(tmp_path):
        (tmp_path / "missing").read_bytes()


def test_the_page_cache_leaves_what_is_last_on_a_disk_to_others(disk: SmallDisk) -> None:
    EntryFiles(disk.folder, min_free_bytes=100_000).write("page-3f", b"kept")
    wary = EntryFiles(disk.folder, min_free_bytes=1_000_000)
    wary.write("page-4f", b"not kept")
    assert (wary.read("page-3f"), wary.read("page-4f")) == (b"kept", None)
