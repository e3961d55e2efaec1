"""A repository of scans, night after night: what a run costs that has little or nothing new to recognise, as Markdown.

Each round has a new repository of 42 scans of old books in three runs, and a new page cache outside it. `--many`
measures one run of 40,000 small documents instead, copies of 200 under other names, twice: with memory, and where the
time of the second goes, by the run's own record and trace.
"""

import argparse
import io
import json
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

from ocr_measured import Usage, measured, stay_on_two_cores
from ocr_pages import CORPUS, DPI, books, invert_pixel, small_documents
from ocr_repository import SUPERVISOR, commit, make_repository, write_job
from sample_repository import git

RUN_IDS = ("a", "b", "c")
COLD = "cold"
MANY = "many"
DISTINCT = 200
FOLDER_FILES = 1_000


@dataclass(frozen=True)
class Archive:
    """A repository and the page cache beside it; `quick` if the figures do not matter."""

    top: Path
    cache: Path
    quick: bool

    def supervise(self, run_ids: str, *, workers: int, memory: bool = False) -> "Night":
        """Execute runs, with the runs directory where it is by default: in the work tree."""
        if not self.quick:
            os.sync()  # what was written before is not to be waited for
        where = [SUPERVISOR, "--repo", self.top, "--per-run-sqlite", "--json"]
        how = ["--run-ids", run_ids, "--workers", str(workers), "--ocr-workers", "2"]
        return Night(measured([*where, *how], self._environment(), memory=memory))

    def show(self, run_id: str) -> dict[str, Any]:
        command = [SUPERVISOR, "show", run_id, "--repo", self.top, "--per-run-sqlite", "--json"]
        return json.loads(measured(command, self._environment()).output)["run"]

    def _environment(self) -> dict[str, str]:
        mine = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "AUTONOMOUS_RUNS_DIR"}}
        return {**mine, "SUPERVISOR_CACHE_DIR": str(self.cache)}


@dataclass
class Night:
    """One execution, and what it says it did with the pages."""

    usage: Usage
    pages: Counter[str] = field(init=False)

    def __post_init__(self) -> None:
        self.pages = Counter()
        for run in json.loads(self.usage.output)["runs"]:
            self.pages.update({name: run["pages"][name] for name in ("total", "ocr", "cache")})

    @property
    def counts(self) -> str:
        return f"{self.pages['ocr']:,} | {self.pages['cache']:,}"


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def change_pages(top: Path, files: Sequence[Path]) -> int:
    """Change one page in a hundred, at least one, by a pixel; return how many."""
    changed = files[: max(1, len(files) // 100)]
    for file in changed:
        invert_pixel(file, file, x=len(files))
    commit(top)
    return len(changed)


def nights(corpus: Path, folder: Path, *, quick: bool) -> dict[str, Night]:
    run_ids = RUN_IDS[:1] if quick else RUN_IDS
    scans = books(corpus, folder / "scans", len(run_ids), most=2 if quick else None)
    archive = Archive(folder / "repository", folder / "cache", quick)
    shares = {run_id: scans.files[number :: len(run_ids)] for number, run_id in enumerate(run_ids)}
    make_repository(archive.top, shares)

    def execute() -> Night:
        return archive.supervise(",".join(shares), workers=len(shares))

    found = {COLD: execute(), "unchanged": execute()}
    git(archive.top, "clean", "-ffdx")
    found["unchanged, after git clean -ffdx"] = execute()
    changed = change_pages(
        archive.top, [archive.top / run_id / file.name for run_id in shares for file in shares[run_id]]
    )
    git(archive.top, "clean", "-ffdx")
    found[f"{changed} changed, after git clean -ffdx"] = execute()
    return found


def measure_nights(arguments: argparse.Namespace) -> None:
    rounds: list[dict[str, Night]] = []
    for number in range(arguments.rounds):
        say(f"round {number + 1} of {arguments.rounds}")
        with tempfile.TemporaryDirectory() as folder:
            rounds.append(nights(arguments.corpus, Path(folder), quick=arguments.quick))
    total = rounds[0][COLD].pages["total"]
    runs = "1 run" if arguments.quick else f"{len(RUN_IDS)} runs"
    print(f"\n{total} pages in {runs}, rounds: {len(rounds)}; medians (lowest to highest)\n")
    print("| | seconds | ÷ cold | pages recognised | reused |\n|---|---|---|---|---|")
    cold = median(nights_of[COLD].usage.seconds for nights_of in rounds)
    for name in rounds[0]:
        seconds = [nights_of[name].usage.seconds for nights_of in rounds]
        # Something is wrong with the round that differs; all are shown.
        counts = " or ".join(dict.fromkeys(nights_of[name].counts for nights_of in rounds))
        spread = f"{median(seconds):.2f} ({min(seconds):.2f} to {max(seconds):.2f})"
        print(f"| {name} | {spread} | {median(seconds) / cold:.2%} | {counts} |")


def make_many(top: Path, count: int) -> None:
    contents = []
    for page in small_documents(min(DISTINCT, count)):
        stream = io.BytesIO()
        page.save(stream, "PNG", dpi=(DPI, DPI))
        contents.append(stream.getvalue())
    for number in range(count):
        folder = top / MANY / f"{number // FOLDER_FILES:03}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number:06}.png").write_bytes(contents[number % len(contents)])
    write_job(top, MANY)
    commit(top)


def stages(usage: Usage, run: dict[str, Any]) -> tuple[list[tuple[str, float]], Counter[str]]:
    """Return the stages of an execution with their seconds, and how often each event is in the trace."""
    counts: Counter[str] = Counter()
    first: dict[str, float] = {}
    with Path(run["artifacts"], "trace.jsonl").open(encoding="utf-8") as trace:
        for line in trace:
            event = json.loads(line)
            counts[event["event"]] += 1
            first.setdefault(event["event"], _unix(event["at"]))
    moments = [
        ("start of the command", usage.started_at),
        ("on record: commit, job files and documents are known", _unix(run["created_at"])),
        ("claimed", _unix(run["claimed_at"])),
        ("the executor begins: workspace made, process started", first["attempt_started"]),
        ("the first document is finished", first["document_finished"]),
        ("all documents are finished", first["attempt_finished"]),
        ("published, and the run ended", _unix(run["finished_at"])),
        ("settled: manifest written, workspace removed", _unix(run["settled_at"])),
        ("the command ends", usage.started_at + usage.seconds),
    ]
    return [(name, at - before) for (_, before), (name, at) in pairwise(moments)], counts


def _unix(at: str) -> float:
    return datetime.fromisoformat(at).timestamp()


def measure_many(arguments: argparse.Namespace) -> None:
    for number in range(arguments.rounds):
        with tempfile.TemporaryDirectory() as folder:
            archive = Archive(Path(folder, "repository"), Path(folder, "cache"), arguments.quick)
            say(f"round {number + 1} of {arguments.rounds}: making {arguments.many:,} documents")
            make_many(archive.top, arguments.many)
            executions = {name: archive.supervise(MANY, workers=1, memory=True) for name in ("first", "second")}
            passed, counts = stages(executions["second"].usage, archive.show(MANY))
        print(f"\n{arguments.many:,} documents, {min(DISTINCT, arguments.many)} distinct, round {number + 1}\n")
        print("| run | seconds | CPU seconds | all processes, MB | the largest, MB | pages recognised | reused |")
        print("|---" * 7 + "|")
        for name, night in executions.items():
            usage = night.usage
            memory = f"{usage.together_bytes / 1e6:,.0f} | {usage.largest_process_bytes / 1e6:,.0f}"
            print(f"| {name} | {usage.seconds:.1f} | {usage.cpu_seconds:.1f} | {memory} | {night.counts} |")
        print("\n| second run, until | seconds |\n|---|---|")
        for name, seconds in passed:
            print(f"| {name} | {seconds:.2f} |")
        print(f"\nIts trace: {', '.join(f'{name} {count:,}' for name, count in counts.items())}")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench nightly", description=__doc__.splitlines()[0])
    parser.add_argument("rounds", type=int, nargs="?", help="default: 3, with --many 1")
    parser.add_argument("--many", type=int, nargs="?", const=40_000, help="documents, default %(const)s")
    parser.add_argument("--corpus", type=Path, default=CORPUS, help="the folder that has old-books")
    parser.add_argument("--quick", action="store_true", help="two pages in one run; figures do not matter")
    arguments = parser.parse_args()
    arguments.rounds = arguments.rounds or (1 if arguments.many else 3)
    return arguments


if __name__ == "__main__":
    stay_on_two_cores()
    chosen = parse_arguments()
    if chosen.many:
        measure_many(chosen)
    else:
        measure_nights(chosen)
