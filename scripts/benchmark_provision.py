"""What one workspace costs, against a full `git worktree add`, in a repository of 20,000 files."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median

from supervisor.git.repository import Repository
from supervisor.git.workspaces import WorkspaceManager

FILES = 20_000
WANTED = 50


def git(where: Path, *words: str, stdin: bytes | None = None) -> None:
    subprocess.run(["git", "-C", str(where), *words], input=stdin, check=True, capture_output=True)


def milliseconds(action: Callable[[], object]) -> float:
    before = time.perf_counter()
    action()
    return (time.perf_counter() - before) * 1000


def make_repository(bare: Path) -> None:
    git(bare.parent, "init", "--bare", "--initial-branch=main", bare.name)
    stream = [b"commit refs/heads/main\ncommitter T <t@example.org> 1700000000 +0000\ndata 1\nx\n"]
    for number in range(FILES):
        content = b"%05d\n" % number * 70
        stream.append(b"M 100644 inline scans/%03d/%05d.txt\n" % (number // 100, number))
        stream.append(b"data %d\n%s\n" % (len(content), content))
    git(bare, "fast-import", stdin=b"".join(stream))


def main() -> None:
    rounds = int(sys.argv[1])
    full: list[float] = []
    ours: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        top = Path(folder)
        make_repository(top / "large.git")
        repository = Repository.discover(top / "large.git")
        manager = WorkspaceManager(repository, top / "runs")
        head = repository.resolve("HEAD")
        wanted = [file.path for file in repository.files(head, ["scans/007/**"])][:WANTED]
        for number in range(rounds):
            add = partial(git, top / "large.git", "worktree", "add", "--detach", str(top / f"full-{number}"))
            full.append(milliseconds(add))
            os.sync()  # what the one wrote is not the other's to wait for
            ours.append(milliseconds(partial(manager.create, f"run-{number}", head, wanted)))
            os.sync()
    print(f"{FILES:,} files, {WANTED} wanted, {rounds} interleaved rounds: median (lowest to highest)")
    for name, values in (("git worktree add, in full", full), ("WorkspaceManager.create", ours)):
        print(f"  {name:<26} {median(values):7.0f} ms  ({min(values):.0f} to {max(values):.0f})")
    print(f"  ratio of the medians       {median(ours) / median(full):7.3f}")


if __name__ == "__main__":
    main()
