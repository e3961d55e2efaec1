"""What stands under runs that have ended."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import click
import pytest

from supervisor.board.report import RunReport
from supervisor.cli.main import cli
from supervisor.cli.reports.closing import print_runs
from supervisor.model.states import ResultStatus, RunStatus
from supervisor.store.results import PageTally, StoredDocument

Report = Callable[..., RunReport]
Print = Callable[[Sequence[RunReport]], list[str]]
DOCUMENT = StoredDocument("a.png", "b10b", "books", ResultStatus.SUCCEEDED, 1, None)
FAILED, QUEUED, CANCELLED = RunStatus.FAILED, RunStatus.QUEUED, RunStatus.CANCELLED
PAGES = PageTally(total=4, ocr=4)
MIXED = PageTally(total=3217, ocr=3000, cache=150, text_layer=40, blank=20, failed=4, skipped=3, weak=44)


def documents(succeeded: int, *errors: str) -> list[StoredDocument]:
    failed = [
        StoredDocument(f"scans/{number}.png", "b10b", "books", ResultStatus.FAILED, None, error)
        for number, error in enumerate(errors)
    ]
    return [DOCUMENT] * succeeded + failed


@pytest.fixture
def report(tmp_path: Path) -> Report:
    """Makes how a run stands: succeeded after 9.44 seconds with four documents, unless it is said otherwise."""

    def make(run_id: str, status: RunStatus = RunStatus.SUCCEEDED, **facts: object) -> RunReport:
        artifacts = tmp_path / "runs" / run_id
        if status in {RunStatus.SUCCEEDED, FAILED}:
            (artifacts / "output").mkdir(parents=True, exist_ok=True)
        ended = None if status is QUEUED else 9.44
        known = {"error": None, "seconds": ended, "documents": documents(4), "pages": PAGES, **facts}
        return RunReport(
            run_id=run_id, status=status, attempt=1, commit="c0ffee", artifacts=artifacts, database="", **known
        )

    return make


@pytest.fixture
def closing(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Print:
    """Prints what stands under runs, on standard output that is as wide as COLUMNS says."""
    for name in ("FORCE_COLOR", "CLICOLOR_FORCE", "CLICOLOR", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "80")

    def lines(runs: Sequence[RunReport], go_on: str = "resume") -> list[str]:
        with click.Context(cli) as ctx:
            ctx.params = dict.fromkeys(("repo", "runs_dir", "database_url", "per_run_sqlite"))
            print_runs(ctx, runs, go_on=go_on, seconds=11.5)
        return [line.rstrip() for line in capsys.readouterr().out.splitlines()]

    return lines


def test_one_run_needs_no_sum_and_no_advice(closing: Print, report: Report, tmp_path: Path) -> None:
    assert closing([report("letters")]) == [
        "run      state      documents  pages  recognised   time",
        "letters  succeeded        4/4      4           4  9.4 s",
        f"Results: {tmp_path}/runs/letters/output",
    ]


def test_several_runs_have_a_sum_and_what_happened_stands_under_it(
    closing: Print, report: Report, tmp_path: Path
) -> None:
    broken = documents(2, "is empty (0 bytes)", "page 3: too dark")
    runs = [
        report("letters", pages=PageTally(total=5, ocr=3, cache=2, weak=1, because={"new": 2, "changed": 1})),
        report("maps", FAILED, error="2 of 4 documents failed: scans/0.png and 1 more", documents=broken),
        report("books", FAILED, error="the executor was killed by SIGKILL", documents=(), pages=PageTally()),
        report("wills", CANCELLED, error="cancelled by ada", pages=PageTally()),
        report("deeds", CANCELLED, error="cancelled by ada", pages=PageTally()),
        report("census", QUEUED, resume="session:b28e", paused_by="paused by bob"),
        report("parish", QUEUED),
        report("diaries", QUEUED, error="the database went away"),
    ]
    assert closing(runs) == [
        "run      state      documents  pages  recognised  reused  weak   time",
        "letters  succeeded        4/4      5           3       2     1  9.4 s",
        "maps     failed           2/4      4           4                9.4 s",
        "books    failed                    0                            9.4 s",
        "wills    cancelled        4/4      0                            9.4 s",
        "deeds    cancelled        4/4      0                            9.4 s",
        "census   paused           4/4      4           4",
        "parish   queued           4/4      4           4",
        "diaries  queued           4/4      4           4",
        "total                   26/28     21          19       2     1",
        "8 runs in 11.5 s: 2 failed, 2 cancelled, 2 queued, 1 succeeded, 1 paused",
        "recognised, and not reused: 2 new, 1 changed",
        "maps failed: 2 of 4 documents",
        "  scans/0.png: is empty (0 bytes)",
        "  scans/1.png: page 3: too dark",
        "books failed: the executor was killed by SIGKILL",
        "wills, deeds: cancelled by ada",
        "census: paused by bob",
        "parish: stopped before the end",
        "diaries: waits for another try: the database went away",
        f"Results: {tmp_path}/runs/{{letters,maps}}/output",
        "What to type next:",
        "  supervisor logs books             why it failed",
        "  supervisor show maps              2 documents failed",
        "  supervisor show letters           1 weak page to look at",
        "  supervisor resume session:b28e    what is paused goes on",
        "  supervisor resume parish diaries  what was stopped goes on where it was",
        "  supervisor --run-ids maps,books   again, once mended; known pages are reused",
    ]


@pytest.mark.parametrize(
    ("columns", "heading"),
    [
        (80, "run state documents pages recognised failed weak time"),
        (
            160,
            "run state documents pages recognised reused text layer blank skipped failed weak time",
        ),
    ],
)
def test_columns_are_left_out_where_there_is_no_room_those_that_ask_for_nothing_first(
    closing: Print, report: Report, monkeypatch: pytest.MonkeyPatch, columns: int, heading: str
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    runs = [report("harbour-ledgers", pages=MIXED, seconds=7663.2), report("letters")]
    lines = closing(runs)
    assert " ".join(lines[0].split()) == heading
    assert max(map(len, lines[:5])) <= columns
    assert lines[1].split()[:4] == ["harbour-ledgers", "succeeded", "4/4", "3,217"]
    assert lines[1].endswith("4    44  2:07:43")
    assert len({line.index("3,2") for line in (lines[1], lines[3])}) == 1, "the sum stands under what it sums up"


def test_a_name_is_never_broken_where_there_is_no_terminal(closing: Print, report: Report) -> None:
    lines = closing([report("x" * 100)])
    assert lines[1].startswith("x" * 100 + "  succeeded")


def test_of_very_many_failures_there_is_a_beginning_and_a_place(closing: Print, report: Report, tmp_path: Path) -> None:
    lines = closing([report("maps", FAILED, documents=documents(0, *["is empty"] * 1021))])
    assert lines[2] == "maps failed: 1,021 of 1,021 documents"
    assert lines[22] == "  scans/19.png: is empty"
    assert lines[23] == f"  … and 1,001 more in {tmp_path}/runs/maps/run.json"


def test_advice_names_the_worst_and_some_of_the_others(closing: Print, report: Report) -> None:
    runs = [
        report(
            f"run-{number}", FAILED, documents=documents(1, *["is empty"] * number), pages=PageTally(weak=10 - number)
        )
        for number in range(1, 9)
    ]
    advice = [line for line in closing(runs) if line.startswith("  supervisor ")]
    everything = ",".join(f"run-{number}" for number in range(1, 9))
    assert [" ".join(line.split()) for line in advice] == [
        "supervisor show run-8 8 documents failed, 2 weak pages; also run-7, run-6, run-5, run-4, run-3 and 2 more",
        "supervisor show run-1 9 weak pages to look at; also run-2, run-3, run-4, run-5, run-6 and 2 more",
        f"supervisor --run-ids {everything} again, once mended; known pages are reused",
    ]


def test_a_run_that_came_twice_needs_nothing_any_more_if_it_succeeded_in_the_end(
    closing: Print, report: Report
) -> None:
    twice = [report("maps", FAILED, documents=documents(1, "is empty")), report("maps")]
    assert closing(twice)[-1].startswith("Results: ")


def test_who_works_goes_on_with_work(closing: Print, report: Report) -> None:
    assert closing([report("letters", QUEUED)], "work")[-1] == (  # type: ignore[call-arg]  # the one test that asks
        "  supervisor work  what was stopped goes on where it was"
    )


def test_what_documents_are_called_cannot_steer_the_terminal(closing: Print, report: Report) -> None:
    lines = closing([report("maps", FAILED, documents=documents(0, "\x1b[2J [red]is\nempty"))])
    assert lines[3] == "  scans/0.png: \\x1b[2J [red]is\\nempty"


RED = "\x1b[1;31mfailed\x1b[0m"


@pytest.mark.parametrize(
    ("terminal", "environment", "coloured"),
    [
        (False, {}, False),
        (False, {"FORCE_COLOR": "1"}, True),
        (False, {"CLICOLOR_FORCE": "1"}, True),
        (False, {"CLICOLOR": "1"}, False),
        (False, {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        (True, {}, True),
        (True, {"NO_COLOR": "1"}, False),
        (True, {"CLICOLOR": "0"}, False),
        (True, {"CLICOLOR": "0", "FORCE_COLOR": "1"}, True),
        (True, {"TERM": "dumb"}, False),
    ],
)
def test_colours_come_and_go_as_the_environment_says(
    closing: Print,
    report: Report,
    monkeypatch: pytest.MonkeyPatch,
    *,
    terminal: bool,
    environment: dict[str, str],
    coloured: bool,
) -> None:
    for name, value in ({"TERM": "xterm-256color"} | environment).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    lines = closing([report("maps", FAILED, documents=documents(0, "is empty"))])
    assert (RED in "\n".join(lines)) is coloured
