"""A repository of scans for the benchmarks: a folder, a job file and a run for each share of the pages."""

import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from sample_repository import git

SUPERVISOR = Path(sys.executable).with_name("supervisor")


def make_repository(top: Path, shares: Mapping[str, Sequence[Path]], *, scale: str = "auto") -> None:
    """Commit the files of each share as `<run id>/<name>`, and the job file that recognises them."""
    for run_id, files in shares.items():
        (top / run_id).mkdir(parents=True)
        for file in files:
            shutil.copyfile(file, top / run_id / file.name)
        write_job(top, run_id, scale=scale)
    commit(top)


def write_job(top: Path, run_id: str, *, scale: str = "auto") -> None:
    values = {"name": run_id, "documents": [f"{run_id}/**"], "formats": ["txt"], "scale": scale}
    # Text and lists of text look alike in JSON and TOML.
    lines = [f"{key} = {json.dumps(value)}" for key, value in values.items()]
    (top / "ocr-jobs").mkdir(exist_ok=True)
    (top / "ocr-jobs" / f"{run_id}.toml").write_text("\n".join(["version = 1", "", "[[jobs]]", *lines, ""]))


def commit(top: Path) -> None:
    """Commit all there is, to a repository that is made if it is not there."""
    if not (top / ".git").exists():
        git(top, "init", "--quiet", "--initial-branch=main", "--template=")
    git(top, "add", "--all")
    git(top, "commit", "--quiet", "--message", "Change scans and the jobs that read them")
