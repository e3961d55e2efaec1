"""Real scans: three executors at once read them no worse than plain tesseract does."""

import os
import subprocess
from pathlib import Path
from typing import Any

from support.accuracy import distance, error_rate, normalised

Archive = Any  # stands in conftest.py, which importlib mode keeps from being imported


def tesseract(scan: Path) -> str:
    command = ["tesseract", str(scan), "-", "--dpi", "300"]
    environment = os.environ | {"OMP_THREAD_LIMIT": "1"}
    return subprocess.run(command, env=environment, capture_output=True, check=True).stdout.decode()


def test_the_distance() -> None:
    assert [distance("kitten", "sitting"), distance("abc", "abc"), distance("abc", ""), distance("flaw", "lawn")] == [
        *(3, 0, 3, 2)
    ]


def test_old_books_over_three_job_files(archive: Archive, corpus: Path) -> None:
    scans = sorted((corpus / "old-books").glob("*.tiff"))
    assert len(scans) >= 12
    shares = {run_id: scans[number::3] for number, run_id in enumerate("abc")}
    for run_id, share in shares.items():
        for scan in share:
            archive.write(f"books/{run_id}/{scan.name}", scan.read_bytes())
        archive.job(run_id, f"books/{run_id}/*.tiff", extra='formats = ["txt"]')
    archive.commit()
    before = (archive.top / ".git/config").read_bytes(), archive.git("branch", "--all"), archive.git("status", "-s")
    done = archive.supervisor("--run-ids=a,b,c", "--workers=3", "--json")
    assert done.code == 0, done.err
    assert {run_id: run["pages"]["ocr"] for run_id, run in done.runs.items()} == {
        run_id: len(share) for run_id, share in shares.items()
    }
    started = [archive.events(run_id, "attempt_started")[0]["at"] for run_id in "abc"]
    finished = [archive.events(run_id, "attempt_finished")[0]["at"] for run_id in "abc"]
    assert max(started) < min(finished)  # there was a moment when all three were alive
    truths = {scan.stem: normalised(scan.with_suffix(".txt").read_text()) for scan in scans}
    ours = {
        scan.stem: archive.text(run_id, f"books/{run_id}/{scan.name}") for run_id in shares for scan in shares[run_id]
    }
    plain = {scan.stem: tesseract(scan) for scan in scans}
    our_rate, plain_rate = error_rate(ours, truths), error_rate(plain, truths)
    assert our_rate <= plain_rate, f"character error rate {our_rate:.4%}, plain tesseract {plain_rate:.4%}"
    assert before == (
        *((archive.top / ".git/config").read_bytes(), archive.git("branch", "--all"), archive.git("status", "-s")),
    )
    assert archive.git("worktree", "list").count("\n") == 1
    assert not archive.processes()
