"""`supervisor doctor` names what is wrong, and what to do about it: each problem is really there."""

import os
import shlex
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from supervisor.store.engine import open_engine, transaction
from supervisor.store.migrate import upgrade
from supervisor.store.parts import CONTROL
from support.postgres import PostgresServer
from support.screens import screen

Archive = Any  # stands in conftest.py, which importlib mode keeps from being imported
# Users without privileges may mount things in a namespace where they have some.
UNSHARE = "unshare --mount" if os.geteuid() == 0 else "unshare --map-root-user --mount"


@pytest.fixture(scope="module")
def healthy(lasting_archive: Archive) -> Archive:
    """Where nothing is wrong; tests change nothing in it."""
    lasting_archive.scan("scans/a.png", lines=["A line"])
    lasting_archive.job("a", "scans/a.png")
    lasting_archive.commit()
    return lasting_archive


@pytest.fixture
def found(healthy: Archive) -> Callable[..., Any]:
    """Call the doctor, and return the exit code and what it says under a name."""

    def call(name: str, *arguments: str, **environment: str) -> tuple[int, dict[str, Any]]:
        done = healthy.supervisor("doctor", "--json", *arguments, **environment)
        assert "Traceback" not in done.err
        return done.code, of(done, name)

    return call


@pytest.fixture
def language_data(tmp_path: Path) -> Callable[..., Path]:
    """Make a folder that has the data of some languages, as they are installed."""
    installed = subprocess.run(["tesseract", "--list-langs"], capture_output=True, text=True, check=True).stdout
    source = Path(installed.partition('"')[2].partition('"')[0])

    def make(*languages: str) -> Path:
        folder = tmp_path / "tessdata"
        folder.mkdir()
        for language in languages:
            (folder / f"{language}.traineddata").symlink_to(source / f"{language}.traineddata")
        return folder

    return make


@pytest.fixture
def program_first(tmp_path: Path) -> Callable[[str, str], str]:
    """Put a script in front of a program, and return the PATH on which it is."""

    def make(name: str, script: str) -> str:
        folder = tmp_path / "first"
        folder.mkdir()
        file = folder / name
        file.write_text(f'#!/bin/sh\n{script}\nexec {shutil.which(name)} "$@"\n')
        file.chmod(0o755)
        return f"{folder}:{os.environ['PATH']}"

    return make


def of(done: Any, name: str) -> dict[str, Any]:
    (finding,) = [one for one in done.document["findings"] if one["name"] == name]
    return dict(finding)


def in_mount_namespace(healthy: Archive, line: str) -> Any:
    """Run a line of shell where what it mounts is seen by nobody else."""
    done = healthy.shell(f"{UNSHARE} sh -c {shlex.quote(f'set -e; {line}')}").end()
    if "unshare" in done.err or "mount:" in done.err:
        pytest.skip(f"nothing can be mounted here: {done.err.strip()}")
    return done


def test_no_tesseract(healthy: Archive, tmp_path: Path) -> None:
    for name in ("git", "env"):
        (tmp_path / name).symlink_to(str(shutil.which(name)))
    done = healthy.supervisor("doctor", "--json", PATH=str(tmp_path))
    said = of(done, "tesseract")
    assert (done.code, said["level"]) == (4, "error")
    assert said["hint"].startswith("apt-get install tesseract-ocr")
    assert of(done, "git")["level"] == of(done, "runs")["level"] == "ok"


@pytest.mark.parametrize("present", [(), ("osd",)])
def test_no_language(found: Callable[..., Any], language_data: Callable[..., Path], present: tuple[str, ...]) -> None:
    folder = language_data(*present)
    code, said = found("languages", TESSDATA_PREFIX=str(folder))
    assert (code, said["level"]) == (4, "error")
    assert said["message"].startswith("eng (wanted by ocr-jobs/a.toml) has no data")
    assert said["hint"] == f"put eng.traineddata into {folder}, or unset TESSDATA_PREFIX"


def test_a_language_that_only_a_committed_job_asks_for(three: Archive) -> None:
    three.job("night", "scans/a.png", extra='languages = ["eng", "xyz"]\nrotate = "auto"')
    three.commit()
    done = three.supervisor("doctor", "--json")
    said = of(done, "languages")
    assert (done.code, said["level"]) == (4, "error")
    assert said["message"].startswith("xyz (wanted by ocr-jobs/night.toml) has no data")
    assert said["hint"] == "apt-get install tesseract-ocr-xyz"


def test_no_osd(found: Callable[..., Any], language_data: Callable[..., Path]) -> None:
    folder = language_data("eng")
    code, said = found("languages", TESSDATA_PREFIX=str(folder))
    assert (code, said["level"]) == (0, "warning")
    assert 'no osd, which jobs with rotate = "auto" need' in said["message"]
    assert said["hint"] == f"put osd.traineddata into {folder}, or unset TESSDATA_PREFIX"


def test_no_osd_where_a_job_needs_it(three: Archive, language_data: Callable[..., Path]) -> None:
    three.job("a", "scans/a.png", extra='rotate = "auto"')
    three.commit()
    done = three.supervisor("doctor", "--json", TESSDATA_PREFIX=str(language_data("eng")))
    said = of(done, "languages")
    assert (done.code, said["level"]) == (4, "error")
    assert said["message"].startswith("osd (wanted by ocr-jobs/a.toml) has no data")


def test_language_data_that_is_cut_short(found: Callable[..., Any], language_data: Callable[..., Path]) -> None:
    file = language_data("eng", "osd") / "eng.traineddata"
    content = file.read_bytes()
    file.unlink()
    file.write_bytes(content[: len(content) // 2])
    code, said = found("languages", TESSDATA_PREFIX=str(file.parent))
    assert (code, said["level"]) == (4, "error")
    assert said["message"].startswith("eng (wanted by ocr-jobs/a.toml) cannot be loaded: ")
    assert "eng.traineddata" in said["hint"]


def test_an_old_git(healthy: Archive, program_first: Callable[[str, str], str]) -> None:
    old = program_first("git", 'case "$*" in version|--version) echo git version 2.17.1; exit;; esac')
    done = healthy.supervisor("doctor", "--json", PATH=old)
    said = of(done, "git")
    assert (done.code, said["level"]) == (4, "error")
    assert "git version 2.17.1 is too old" in said["message"]
    assert "apt-get install git" in said["hint"]
    # What cannot be looked at without it is no problem of its own.
    assert [one["name"] for one in done.document["findings"] if one["level"] != "ok"] == ["git"]


def test_a_database_where_nobody_is(found: Callable[..., Any]) -> None:
    code, said = found("database", "--database-url", "postgresql://ada:secret@127.0.0.1:1/ocr")
    assert (code, said["level"]) == (4, "error")
    assert "postgresql://ada:***@127.0.0.1:1/ocr" in said["message"]
    assert said["hint"] == "start its server (systemctl start postgresql), or name another with --database-url"


def test_a_wrong_password(found: Callable[..., Any], postgres: PostgresServer) -> None:
    url = postgres.tcp_url("postgres")
    password = url.partition("@")[0].rpartition(":")[2]
    code, said = found("database", "--database-url", url.replace(password, "guessed"))
    assert (code, said["level"]) == (4, "error")
    assert "guessed" not in str(said)
    assert "check user, password" in said["hint"]


@pytest.mark.parametrize(
    ("url", "message", "hint"),
    [
        ("mysql://db/ocr", "a database of kind 'mysql' cannot be used", "use PostgreSQL or SQLite"),
        ("sqlite:////nowhere/ocr.db", "/nowhere/ocr.db: there is no such directory", "mkdir -p /nowhere"),
    ],
)
def test_a_url_that_leads_nowhere(found: Callable[..., Any], url: str, message: str, hint: str) -> None:
    code, said = found("database", "--database-url", url)
    assert (code, said["level"], said["message"], said["hint"]) == (4, "error", message, hint)


def test_a_database_that_never_answers(found: Callable[..., Any]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql://ada@127.0.0.1:{silent.getsockname()[1]}/ocr"
        code, said = found("database", "--database-url", url, "--timeout=1")
    assert (code, said["level"], said["message"]) == (4, "error", "did not answer in 1 s")


def test_older_tables(healthy: Archive, found: Callable[..., Any], postgres_url: str, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/old.db"
    engine = open_engine(url)
    with transaction(engine) as connection:
        upgrade(connection, replace(CONTROL, head="0001"))
    engine.dispose()
    code, said = found("database", "--database-url", url)
    assert (code, said["level"]) == (0, "warning")
    assert f"older tables (control 0001, this program has {CONTROL.head}" in said["message"]
    assert "supervisor db upgrade" in said["hint"]
    assert healthy.supervisor("db", "upgrade", "--database-url", url).code == 0
    assert found("database", "--database-url", url)[1]["level"] == "ok"
    assert found("database", "--database-url", postgres_url)[1]["level"] == "ok"


def test_a_full_disk(healthy: Archive, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = f"mount -t tmpfs -o size=4m small {disk}; supervisor doctor --json --runs-dir {disk}/runs"
    done = in_mount_namespace(healthy, mounted)
    said = of(done, "runs")
    assert (done.code, said["level"]) == (4, "error")
    assert f"{disk}/runs has 4 MB free" in said["message"]
    assert "supervisor cleanup --artifacts --days 30" in said["hint"]


def test_a_disk_without_inodes(healthy: Archive, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = f"mount -t tmpfs -o size=4g,nr_inodes=50 small {disk}; supervisor doctor --json --runs-dir {disk}/runs"
    said = of(in_mount_namespace(healthy, mounted), "runs")
    assert (said["level"], "free inodes" in said["message"]) == ("error", True)


def test_a_runs_directory_on_a_mount_of_its_own_that_is_read_only(healthy: Archive, tmp_path: Path) -> None:
    disk = tmp_path / "disk of its own"
    disk.mkdir()
    place = shlex.quote(str(disk))
    mounted = f"mount -t tmpfs -o ro small {place}; supervisor doctor --json --runs-dir {place}"
    done = in_mount_namespace(healthy, mounted)
    said = of(done, "runs")
    assert (done.code, said["level"]) == (4, "error")
    assert said["message"] == f"{disk} is on a file system that is mounted read-only"
    assert said["hint"].startswith(f"mount -o remount,rw {place}, or")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_runs_directory_without_permission(found: Callable[..., Any], tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    code, said = found("runs", "--runs-dir", str(closed / "runs"))
    assert (code, said["message"]) == (4, f"{closed / 'runs'} cannot be written to")


@pytest.mark.parametrize("database", ["", "sqlite:///{top}/shared.db"])
def test_a_network_file_system(healthy: Archive, found: Callable[..., Any], tmp_path: Path, database: str) -> None:
    table = tmp_path / "mounts"
    table.write_text(f"/dev/vda1 / ext4 rw 0 0\nserver:/export {healthy.top} nfs4 rw,hard 0 0\n")
    where = ["--database-url", database.format(top=healthy.top)] if database else []
    code, said = found("runs", "--mount-table", str(table), *where)
    assert (code, said["level"]) == (4, "error")
    assert f"{healthy.runs} is on a network file system (nfs4)" in said["message"]
    assert said["hint"] == "choose a local directory with --runs-dir"
    done = healthy.supervisor("doctor", "--json", "--runs-dir", str(tmp_path), "--mount-table", str(table), *where)
    said = of(done, "database")
    assert (of(done, "runs")["level"], said["level"]) == ("ok", "error" if database else "ok")
    assert database == "" or "SQLite on a network file system (nfs4) is not safe" in said["message"]


def test_a_mount_table_that_is_not_there(healthy: Archive, tmp_path: Path) -> None:
    done = healthy.supervisor("doctor", "--json", "--mount-table", str(tmp_path / "none"))
    assert (done.code, "cannot be read" in done.document["error"]["message"]) == (2, True)


def stop(pid: int, wait_until: Callable[..., None]) -> None:
    os.kill(pid, signal.SIGSTOP)
    wait_until(lambda: psutil.Process(pid).status() == psutil.STATUS_STOPPED)


def test_a_stopped_holder_of_a_run(three: Archive, gate: Any, wait_until: Callable[..., None]) -> None:
    running = three.start("--run-ids=a", **gate.environment)
    wait_until(gate.arrived)
    pid, executor = running.process.pid, three.holder("a")["process_group"]
    stop(pid, wait_until)
    done = three.supervisor("doctor", "--json")
    os.kill(pid, signal.SIGCONT)
    said = of(done, "locks")
    assert (done.code, said["level"]) == (0, "warning")
    assert said["message"] == f"run 'a' is held by pid {pid} on {socket.gethostname()}, which is stopped"
    assert said["hint"] == f"to let it go on: kill -CONT {pid}"
    # It is told once.
    assert (of(done, "supervisors")["level"], of(done, "supervisors")["facts"]["at_work"]) == ("ok", 1)
    stop(executor, wait_until)
    said = of(three.supervisor("doctor", "--json"), "locks")
    os.kill(executor, signal.SIGCONT)
    assert (said["level"], f"kill -CONT -{executor}" in said["hint"]) == ("warning", True)
    assert said["message"].startswith("the executor of run 'a' ")
    gate.open()
    assert running.end().code == 0


def test_a_stopped_supervisor_that_waits_for_runs(three: Archive, wait_until: Callable[..., None]) -> None:
    waiting = three.start("work")
    wait_until(lambda: three.supervisor("workers", "scale", "1").code == 0)
    stop(waiting.process.pid, wait_until)
    # It may have been stopped in the middle of a transaction.
    with closing(sqlite3.connect(three.runs / "control.db", timeout=0, isolation_level=None)) as connection:
        with suppress(sqlite3.OperationalError):
            connection.execute("BEGIN IMMEDIATE")
        done = three.supervisor("doctor", "--json", "--timeout=5")
    said = of(done, "supervisors")
    assert of(done, "database")["level"] == "ok"
    assert (said["level"], said["hint"]) == ("warning", f"to let it go on: kill -CONT {waiting.process.pid}")
    os.kill(waiting.process.pid, signal.SIGCONT)
    waiting.ctrl_c()
    waiting.end()


def test_a_tesseract_that_never_answers(healthy: Archive, program_first: Callable[[str, str], str]) -> None:
    hanging = program_first("tesseract", "sleep 1000")
    done = healthy.supervisor("doctor", "--json", "--timeout=1", PATH=hanging)
    assert (done.code, of(done, "tesseract")["message"]) == (4, "did not answer in 1 s")
    assert of(done, "memory")["level"] == "ok"
    assert not healthy.processes(), "it is left behind"


def test_a_clock_that_is_behind_the_last_commit(three: Archive) -> None:
    line = "git commit --quiet --allow-empty -m later"
    assert three.shell(line, GIT_COMMITTER_DATE="2099-01-01T00:00:00Z").end().code == 0
    said = of(three.supervisor("doctor", "--json"), "clock")
    assert (said["level"], "HEAD was committed after that" in said["message"]) == ("warning", True)
    assert "timedatectl" in said["hint"]


@pytest.mark.parametrize("is_plain", [False, True])
def test_levels_are_coloured_on_a_terminal_that_may_be(healthy: Archive, is_plain: bool) -> None:
    variables = {"TERM": "xterm-256color"} | ({"NO_COLOR": "1"} if is_plain else {})
    program = Path(sys.executable).with_name("supervisor")
    with screen() as seen:
        subprocess.run(
            [program, "doctor"], cwd=healthy.top, env=healthy.environment(**variables), stdout=seen.program, check=True
        )
        seen.wait(lambda lines: "all is well" in lines)
    assert (b"\x1b[32mok" in seen.written) is not is_plain


def test_the_last_line_adds_up(healthy: Archive, language_data: Callable[..., Path]) -> None:
    unwell = healthy.supervisor(
        "doctor",
        "--database-url=postgresql://ada:secret@127.0.0.1:1/ocr",
        TESSDATA_PREFIX=str(language_data("eng")),
        COLUMNS="80",
    )
    assert unwell.out.splitlines()[-1] == "1 problem (database), 1 warning (languages)"
    # A path is never broken.
    too_long = [
        line for line in unwell.out.splitlines() if len(line) > 80 and " " in line[24:].removeprefix("→ ").strip()
    ]
    assert too_long == []
    assert healthy.supervisor("doctor").out.splitlines()[-1] == "all is well"
