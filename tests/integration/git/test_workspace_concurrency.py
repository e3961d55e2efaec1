import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from supervisor.git.repository import Repository
from supervisor.git.workspaces import WorkspaceManager

RunGit = Callable[..., bytes]
PROCESSES = 6
WORKSPACES_EACH = 4


# A process as the supervisor is one: it tells that it is ready, and starts when all are.
MAKER = """
import sys
from pathlib import Path
from supervisor.git.repository import Repository
from supervisor.git.workspaces import WorkspaceManager

top, runs, number, rounds = sys.argv[1:]
manager = WorkspaceManager(Repository.discover(Path(top)), Path(runs))
head = manager._repository.resolve("HEAD")
print("ready", flush=True)
sys.stdin.readline()
for round_number in range(int(rounds)):
    run_id = f"r{number}-{round_number}"
    path = manager.create(run_id, head, [b"scans/a.tiff"])
    assert (path / "scans" / "a.tiff").read_bytes() == b"a"
    assert round_number % 2 == 0 or manager.remove(run_id).removed
"""


def test_many_processes(top: Path, tmp_path: Path, git: RunGit) -> None:
    runs = tmp_path / "runs"
    with ExitStack() as stack:
        makers = [
            stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", MAKER, str(top), str(runs), str(number), str(WORKSPACES_EACH)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                )
            )
            for number in range(PROCESSES)
        ]
        for maker in makers:
            assert maker.stdout is not None
            assert maker.stdout.readline() == b"ready\n"
        for maker in makers:
            assert maker.stdin is not None
            maker.stdin.write(b"go\n")
            maker.stdin.flush()
        for maker in makers:
            assert maker.communicate()[1] == b""
            assert maker.returncode == 0
    states = WorkspaceManager(Repository.discover(top), runs).inspect_all()
    assert len(states) == PROCESSES * WORKSPACES_EACH // 2
    assert not [state for state in states if state.work]
    git(top, "fsck", "--strict")


@pytest.fixture
def large(tmp_path: Path, git: RunGit) -> Path:
    """20,000 files in 200 folders, from a stream: no work tree is written."""
    bare = tmp_path / "large.git"
    git(tmp_path, "init", "--quiet", "--bare", str(bare))
    stream = [b"blob\nmark :1\ndata 400\n", b"x" * 400, b"\ncommit refs/heads/main\n"]
    stream.append(b"committer T <t@example.org> 1700000000 +0000\ndata 1\nx\n")
    stream += [b"M 100644 :1 scans/%03d/%05d.png\n" % (number // 100, number) for number in range(20_000)]
    git(bare, "fast-import", "--quiet", stdin=b"".join(stream))
    return bare


def test_a_workspace_holds_what_is_wanted_and_nothing_of_the_rest(large: Path, tmp_path: Path, git: RunGit) -> None:
    """Why it costs a fraction of a full worktree; `scripts/bench provision` measures it."""
    repository = Repository.discover(large)
    manager = WorkspaceManager(repository, tmp_path / "runs")
    head = repository.resolve("HEAD")
    wanted = [file.path for file in repository.files(head, ["scans/007/**"])][:50]
    assert len(wanted) == 50
    path = manager.create("a", head, wanted)
    there = {file.relative_to(path).as_posix().encode() for file in path.rglob("*") if file.is_file()}
    assert there == {*wanted, b".git"}
    assert git(path, "status", "--porcelain", "--ignored") == b""
