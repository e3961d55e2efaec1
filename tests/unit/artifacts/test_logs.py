import fcntl
import json
import os
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from supervisor.artifacts.log_pump import LogPump
from supervisor.artifacts.logs import LineFile, RotatedLog
from supervisor.logs.lines import LogLine


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


def test_a_line_begins_a_line_even_after_one_that_was_never_ended(tmp_path: Path) -> None:
    path = tmp_path / "executor.log"
    path.write_bytes(b"torn")
    log = RotatedLog(path)
    log.write(b"whole\n")
    assert path.read_bytes() == b"torn\nwhole\n"  # already there, before it is closed
    log.close()


def test_a_log_that_was_removed_is_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "executor.log"
    log = RotatedLog(path)
    log.write(b"one\n")
    path.unlink()
    log.write(b"two\n")
    log.close()
    assert path.read_bytes() == b"two\n"


def test_who_is_stopped_while_it_writes_holds_up_nobody(tmp_path: Path) -> None:
    path = tmp_path / "executor.log"
    log = RotatedLog(path)
    with path.open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(TimeoutError, match="somebody holds the log"):
            log.write(b"lost\n")
    log.write(b"kept\n")
    log.close()
    assert path.read_bytes() == b"kept\n"


def test_who_is_stopped_while_it_writes_is_waited_for_once(tmp_path: Path) -> None:
    path = tmp_path / "executor.log"
    file, line = LineFile(path), LogLine(datetime.now(UTC), "info", "page done")
    file.write(line)
    with path.open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        begun = time.monotonic()
        for _ in range(50):
            file.write(line)
        assert time.monotonic() - begun < 2
    file.write(line)
    file.close()
    assert [told["event"] for told in read(path)] == [
        "page done",
        f"{50 * len(line.encoded())} bytes are missing here: they could not be written",
        "page done",
    ]


def test_several_processes_share_a_log(tmp_path: Path) -> None:
    path = tmp_path / "supervisor.log"
    write = """
import sys
from pathlib import Path
from supervisor.artifacts.logs import RotatedLog
log = RotatedLog(Path(sys.argv[1]), max_bytes=2000, kept=50)
for number in range(300):
    log.write(f"{sys.argv[2]} {number:040}\\n".encode())
"""
    writers = [subprocess.Popen([sys.executable, "-c", write, str(path), str(name)]) for name in range(3)]
    assert [writer.wait(30) for writer in writers] == [0, 0, 0]
    found = [line for file in tmp_path.iterdir() for line in file.read_text().splitlines()]
    assert sorted(found) == sorted(f"{name} {number:040}" for name in range(3) for number in range(300))
    assert all(file.stat().st_size <= 2000 for file in tmp_path.iterdir())


def pumped(tmp_path: Path) -> LogPump:
    return LogPump(LineFile(tmp_path / "executor.log"), run_id="a", attempt=1, lease_term=2)


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().split(b"\n") if line]


def test_the_pump_ends_with_the_last_writer(tmp_path: Path) -> None:
    pump = pumped(tmp_path)
    first, second = os.dup(pump.writer), os.dup(pump.writer)
    pump.close_writer()
    os.write(first, b"first\n")
    os.close(first)
    assert not pump.join(0.05)
    os.write(second, b"last words")
    os.close(second)
    assert pump.join(5)
    of_run = {"run_id": "a", "attempt": 1, "lease_term": 2}
    lines = read(tmp_path / "executor.log")
    for line in lines:
        assert datetime.fromisoformat(line.pop("timestamp")).tzinfo is not None
    assert lines == [
        {"level": "output", "event": "first", **of_run},
        {"level": "output", "event": "last words", **of_run},
    ]


def test_what_is_written_to_the_pump_is_not_inherited(tmp_path: Path) -> None:
    pump = pumped(tmp_path)
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
    pump = LogPump(LineFile(tmp_path / "executor.log", max_bytes=50_000, kept=9))

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
    lines = [line for path in tmp_path.iterdir() for line in read(path)]
    assert len(lines) == writers * 500
    assert {line["event"] for line in lines} == {
        f"{name} {number:040}" for name in range(writers) for number in range(500)
    }
    assert len(list(tmp_path.iterdir())) > 2
