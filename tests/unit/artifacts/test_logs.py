import os
import threading
from pathlib import Path

import pytest

from supervisor.artifacts.logs import LogPump, RotatedLog


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_full_log_is_renamed_and_the_oldest_goes(tmp_path: Path) -> None:
    log = RotatedLog(tmp_path / "logs" / "executor.log", max_bytes=10, kept=3)
    for number in range(6):
        log.write(f"line {number}\n".encode())
    log.close()
    folder = tmp_path / "logs"
    assert names(folder) == ["executor.log", "executor.log.1", "executor.log.2", "executor.log.3"]
    assert [(folder / name).read_text() for name in names(folder)] == [f"line {number}\n" for number in (5, 4, 3, 2)]


def test_a_log_is_gone_on_with(tmp_path: Path) -> None:
    path = tmp_path / "executor.log"
    for text in (b"one\n", b"two\n", b"three\n"):
        log = RotatedLog(path, max_bytes=10)
        log.write(text)
        log.close()
    assert path.read_bytes() == b"three\n"
    assert (tmp_path / "executor.log.1").read_bytes() == b"one\ntwo\n"


def test_a_write_larger_than_the_log_is_kept_whole(tmp_path: Path) -> None:
    log = RotatedLog(tmp_path / "executor.log", max_bytes=4)
    log.write(b"larger than that\n")
    assert names(tmp_path) == ["executor.log"]
    log.write(b"x")
    log.close()
    assert (tmp_path / "executor.log.1").read_bytes() == b"larger than that\n"
    assert (tmp_path / "executor.log").read_bytes() == b"x"


def test_bytes_that_are_no_text_are_kept(tmp_path: Path) -> None:
    log = RotatedLog(tmp_path / "executor.log")
    log.write(b"\xff\0\n")
    assert (tmp_path / "executor.log").read_bytes() == b"\xff\0\n"  # already there, before it is closed
    log.close()


def test_the_pump_ends_with_the_last_writer(tmp_path: Path) -> None:
    pump = LogPump(RotatedLog(tmp_path / "executor.log"))
    first, second = os.dup(pump.writer), os.dup(pump.writer)
    pump.close_writer()
    os.write(first, b"first\n")
    os.close(first)
    assert not pump.join(0.05)
    os.write(second, b"last words")
    os.close(second)
    assert pump.join(5)
    assert (tmp_path / "executor.log").read_bytes() == b"first\nlast words"


def test_what_is_written_to_the_pump_is_not_inherited(tmp_path: Path) -> None:
    pump = LogPump(RotatedLog(tmp_path / "executor.log"))
    assert not os.get_inheritable(pump.writer)
    pump.close_writer()
    assert pump.join(5)


def test_what_somebody_put_in_the_place_of_the_log_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("precious\n")
    (tmp_path / "executor.log").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic links"):
        RotatedLog(tmp_path / "executor.log")
    assert (tmp_path / "elsewhere").read_text() == "precious\n"


def test_lines_of_several_writers_stay_whole(tmp_path: Path) -> None:
    writers = 3
    pump = LogPump(RotatedLog(tmp_path / "executor.log", max_bytes=50_000, kept=9))

    def write(name: int) -> None:
        for number in range(500):
            os.write(pump.writer, f"{name} {number:040}\n".encode())

    threads = [threading.Thread(target=write, args=(name,)) for name in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    pump.close_writer()
    assert pump.join(5)
    files = sorted(tmp_path.iterdir(), key=lambda path: path.suffix, reverse=True)
    lines = b"".join(path.read_bytes() for path in files).splitlines()
    assert len(lines) == writers * 500
    assert set(lines) == {f"{name} {number:040}".encode() for name in range(writers) for number in range(500)}
