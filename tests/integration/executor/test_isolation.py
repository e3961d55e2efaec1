"""What an executor and its children see of the supervisor that started them: next to nothing."""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import sqlalchemy as sa

from supervisor.artifacts.logs import MAX_BYTES

Bench = Any  # stands in conftest.py, which importlib mode keeps from being imported
Family = Callable[..., list[psutil.Process]]
WaitUntil = Callable[..., None]
on_both = pytest.mark.parametrize("results_in", ["its own file", "a server"])
SECRETS = {
    "AWS_SECRET_ACCESS_KEY": "s3cret-aws",
    "DATABASE_URL": "postgresql://anna:s3cret-db@db/ocr",
    "GIT_DIR": "/s3cret-git",
    "GITHUB_TOKEN": "s3cret-token",
    "OMP_THREAD_LIMIT": "7",
}


def line(owner: "subprocess.Popen[str]") -> str:
    assert owner.stdout
    return owner.stdout.readline().strip()


def environment(process: psutil.Process) -> dict[str, str]:
    pairs = Path(f"/proc/{process.pid}/environ").read_bytes().decode().split("\0")
    return dict(pair.partition("=")[::2] for pair in pairs if pair)


def stream(pid: int, number: int) -> str:
    return str(Path(f"/proc/{pid}/fd/{number}").readlink())


@pytest.fixture
def executing(
    bench: Bench, own: Callable[..., "subprocess.Popen[str]"], *, family: Family, wait_until: WaitUntil
) -> Iterator[int]:
    """The pid of an executor whose tesseract is at work."""
    bench.draw("a.tiff", pages=4, lines=30)
    pid = int(line(own(environment=SECRETS)))
    wait_until(lambda: family(pid, "tesseract"))
    for process in family(pid, "tesseract"):
        process.suspend()  # so that it can be looked at
    yield pid
    os.killpg(pid, signal.SIGKILL)


def test_no_secret_reaches_executor_page_processes_or_tesseract(executing: int, family: Family) -> None:
    members = family(executing)
    assert len(members) >= 4  # executor, fork server of the pages, page process, tesseract
    assert any(process.name() == "tesseract" for process in members)
    for process in members:
        seen = environment(process)
        assert not seen.keys() & (SECRETS.keys() - {"OMP_THREAD_LIMIT"}), process.cmdline()
        assert not any("s3cret" in value for value in seen.values())
        assert not [name for name in seen if name.startswith(("GIT_", "PYTEST_"))]
        assert seen["OMP_THREAD_LIMIT"] == "1"


def password(bench: Bench) -> str:
    return str(sa.make_url(bench.databases.control_url).password)


@pytest.mark.parametrize(
    ("results_in", "telling"),
    [("its own file", lambda bench: str(bench.run.database)), ("a server", password)],
)
def test_the_database_is_named_in_the_start_message_only(
    bench: Bench, executing: int, family: Family, *, telling: Callable[[Bench], str]
) -> None:
    fork_server = psutil.Process(executing).parent()
    assert fork_server is not None
    secret = telling(bench).encode()
    assert secret in (bench.directory.root.parent / "start.json").read_bytes(), "it would be found as it is spelt"
    for process in [fork_server, *family(executing)]:
        for told in ("cmdline", "environ"):
            assert secret not in Path(f"/proc/{process.pid}/{told}").read_bytes(), process.cmdline()
    for path in bench.directory.root.rglob("*"):
        assert not path.is_file() or secret not in path.read_bytes(), path


@pytest.mark.parametrize("results_in", ["a server"])
def test_only_the_executor_itself_is_connected_to_the_server(bench: Bench, executing: int, family: Family) -> None:
    port = sa.make_url(bench.databases.control_url).port

    def is_connected(process: psutil.Process) -> bool:
        return any(one.raddr and one.raddr.port == port for one in process.net_connections())

    assert [process.pid for process in family(executing) if is_connected(process)] == [executing]


def test_an_executor_leads_a_group_and_reads_nothing(bench: Bench, executing: int, family: Family) -> None:
    assert os.getpgid(executing) == executing
    log = stream(executing, 1)
    assert log.startswith("pipe:")
    for process in family(executing):
        assert os.getsid(process.pid) == executing
        if process.name() != "tesseract":  # whose streams are pipes of its page process
            assert stream(process.pid, 0) == "/dev/null"
            assert (stream(process.pid, 1), stream(process.pid, 2)) == (log, log)
    holder = bench.locks.holder("letters")
    assert holder is not None
    assert holder.process_group == executing


def test_locks_are_held_by_every_process_of_the_pool_and_by_no_tesseract(
    bench: Bench, executing: int, family: Family
) -> None:
    locks = {str(bench.locks.locks_dir / "letters.lock"), str(bench.lease().file.path)}

    def held(process: psutil.Process) -> set[str]:
        return {str(path.readlink()) for path in Path(f"/proc/{process.pid}/fd").iterdir()} & locks

    assert held(psutil.Process(executing)) == locks
    for process in family(executing, "tesseract"):
        assert held(process) == set()
        parent = process.parent()
        assert parent is not None
        assert held(parent) == locks


def test_the_log_is_rotated(bench: Bench, own: Callable[..., "subprocess.Popen[str]"]) -> None:
    bench.draw("a.png")
    bench.run.log.parent.mkdir(parents=True)
    bench.run.log.write_bytes(b"x" * MAX_BYTES)
    owner = own()
    output, _ = owner.communicate(timeout=30)
    assert output.splitlines()[-3:] == [
        "Finished(status=<RunStatus.SUCCEEDED: 'succeeded'>, error=None, transient=False)",
        "None",
        "True",
    ]
    assert (bench.run.log.with_name("executor.log.1")).stat().st_size == MAX_BYTES
    assert '"event": "started"' in bench.run.log.read_text()


@on_both
def test_an_orphan_stores_the_pages_in_flight_and_ends(
    bench: Bench,
    own: Callable[..., "subprocess.Popen[str]"],
    *,
    family: Family,
    wait_until: WaitUntil,
) -> None:
    bench.draw("a.tiff", pages=6, lines=20)
    owner = own(ocr_workers=1)
    pid = int(line(owner))
    wait_until(lambda: bench.stored_pages() and family(pid, "tesseract"))
    owner.kill()
    stored = len(bench.stored_pages())
    assert bench.locks.is_held("letters")
    wait_until(lambda: not family(pid))
    assert not bench.locks.is_held("letters")
    assert not bench.lease().file.state().held
    assert stored + 1 <= len(bench.stored_pages()) < 6


def test_an_orphan_whose_page_never_ends_is_gone_after_its_grace(
    bench: Bench, own: Callable[..., "subprocess.Popen[str]"], *, family: Family, wait_until: WaitUntil
) -> None:
    bench.draw("a.png", lines=30)
    owner = own()
    pid = int(line(owner))
    wait_until(lambda: family(pid, "tesseract"))
    for process in family(pid, "tesseract"):
        process.suspend()
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    wait_until(lambda: not bench.locks.is_held("letters"))
    assert not bench.lease().file.state().held
    wait_until(lambda: not family(pid))
    with bench.locks.acquire("letters", term=2), bench.lease(2).acquire():
        assert bench.stored_pages() == []
