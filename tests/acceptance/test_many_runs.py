"""Many runs in a large repository."""

import subprocess
from typing import Any

Archive = Any  # stands in conftest.py, which importlib mode keeps from being imported
RUNS = [f"r{number:02}" for number in range(24)]


def test_24_runs_in_a_repository_of_20000_files(archive: Archive) -> None:
    archive.scan("page.png", lines=["One line"])
    archive.job("default", "page.png", extra='formats = ["txt"]')
    archive.commit()
    stream = [b"blob\nmark :1\ndata 400\n", b"x" * 400, b"\ncommit refs/heads/main\n"]
    stream += [b"committer T <t@example.org> 1700000000 +0000\ndata 1\nx\nfrom refs/heads/main^0\n"]
    stream += [b"M 100644 :1 scans/%03d/%05d.png\n" % (number // 100, number) for number in range(20_000)]
    subprocess.run(["git", "fast-import", "--quiet"], cwd=archive.top, input=b"".join(stream), check=True)
    # Without writing 20,000 files: this work tree has what the runs need, and the index has everything.
    archive.git("read-tree", "HEAD")
    done = archive.supervisor(f"--run-ids={','.join(RUNS)}", "--workers=8", "--ocr-workers=1", "--json")
    assert done.code == 0, done.err
    assert {run["status"] for run in done.document["runs"]} == {"succeeded"}
    assert [run["run_id"] for run in done.document["runs"]] == RUNS
    assert all("One line" in archive.text(run_id, "page.png") for run_id in RUNS)
    assert archive.git("worktree", "list").count("\n") == 1
    assert archive.pins() == ""
    archive.git("fsck", "--connectivity-only")
