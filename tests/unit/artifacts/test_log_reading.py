import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from supervisor.artifacts.log_reading import LogReader, log_files
from supervisor.artifacts.logs import RotatedLog


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "logs" / "executor.log"


@pytest.fixture
def reader(path: Path) -> Iterator[LogReader]:
    made = LogReader(path)
    yield made
    made.close()


def write(path: Path, *lines: str, max_bytes: int = 20) -> None:
    log = RotatedLog(path, max_bytes=max_bytes)
    for line in lines:
        log.write(f"{line}\n".encode())
    log.close()


def test_rotated_files_are_read_oldest_first(path: Path, reader: LogReader) -> None:
    write(path, *(f"line {number}" for number in range(9)))
    assert [file.name for file in log_files(path)][-1] == "executor.log"
    assert len(log_files(path)) == 5
    assert list(reader.lines()) == [f"line {number}".encode() for number in range(9)]
    assert list(reader.lines()) == []


def test_there_may_be_nothing_yet(path: Path, reader: LogReader) -> None:
    assert log_files(path) == []
    assert list(reader.lines()) == []
    write(path, "first")
    assert list(reader.lines()) == [b"first"]


def test_what_is_written_is_read_once_across_rotations(path: Path, reader: LogReader) -> None:
    seen = []
    for number in range(30):
        write(path, f"line {number}")
        # At some times several files have come since.
        if number % 4 == 0:
            seen += list(reader.lines())
    assert seen + list(reader.lines()) == [f"line {number}".encode() for number in range(30)]


def test_what_is_lost_before_it_was_read_leaves_no_gap_elsewhere(path: Path, reader: LogReader) -> None:
    write(path, "first")
    assert list(reader.lines()) == [b"first"]
    write(path, *(f"line {number:011}" for number in range(10)))
    assert list(reader.lines()) == [f"line {number:011}".encode() for number in range(4, 10)]


def test_a_log_that_was_removed_is_followed_in_its_successor(path: Path, reader: LogReader) -> None:
    write(path, "old")
    assert list(reader.lines()) == [b"old"]
    shutil.rmtree(path.parent)
    assert list(reader.lines()) == []
    write(path, "new")
    assert list(reader.lines()) == [b"new"]


def test_half_a_line_is_kept_until_it_is_whole_or_taken_back(path: Path, reader: LogReader) -> None:
    path.parent.mkdir()
    path.write_bytes(b"one\nhal")
    assert list(reader.lines()) == [b"one"]
    with path.open("r+b") as file:
        file.truncate(4)
    with path.open("ab") as file:
        file.write(b"two\nthr")
    assert list(reader.lines()) == [b"two"]
    assert list(reader.torn_line()) == [b"thr"]
    path.write_bytes(b"")
    path.write_bytes(b"a\n")
    assert list(reader.lines()) == [b"a"]
