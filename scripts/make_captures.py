"""Write the page of captures: `make_captures.py FILE`, as `scripts/captures` does.

An archive of six runs is made and executed twice, once for each width, with a failing document and two lanes; every
command that a person watches or asks with is run beside it, in a terminal of its own.
"""

import os
import shutil
import socket
import sys
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sample_repository import TEXTS, Wear, black_and_white, git, scan, write_jobs, write_letters
from screen import Screen

WIDTHS = {80: 24, 160: 50}
TALL = 120
# As long as /home/ada/archive, which it is called in the captures.
HOME = Path(f"/tmp/{os.getpid() % 10_000:04}")  # noqa: S108 (made here, or refused)
SHOWN_HOME = "/home/ada"
ARCHIVE = HOME / "archive"
RUNS = ("letters", "books", "reports", "minutes", "ledgers", "maps")
PAGES = 40
SESSION = "Night of 21 November"
SUPERVISOR = str(Path(sys.executable).with_name("supervisor"))
ORDER = (
    *("--run-ids", ",".join(RUNS), "--workers", "3", "--session", SESSION),
    *("--lane", "A=books,reports", "--lane", "B=minutes,ledgers", "--ocr-workers", "2"),
)

HEADER = """# What it looks like

Six runs with three workers on a machine with two cores, at terminals of 80 and of 160 columns: `scripts/captures` makes
this page.
"""


@dataclass(frozen=True)
class Capture:
    """A command to look at; one that fills the screen is given that of a usual terminal."""

    words: Sequence[str]
    fills_screen: bool = False


MEANWHILE = (
    Capture(["status"]),
    Capture(["status", "--verbose"]),
    Capture(["list"]),
    Capture(["workers"]),
    Capture(["summary"]),
    Capture(["dashboard", "--duration", "2"], fills_screen=True),
    Capture(["dashboard", "--duration", "2", "--compact"], fills_screen=True),
    Capture(["show", "maps"]),
    Capture(["logs", "maps"]),
    Capture(["locks"]),
    Capture(["--list-worktrees"]),
    Capture(["doctor"]),
    Capture(["start", "Morning", "--run-ids", "postcards"]),
    Capture(["pause", "ledgers"]),
    Capture(["status", SESSION]),
    Capture(["resume", "ledgers"]),
    Capture(["workers", "scale", "2"]),
    Capture(["cancel", "Morning", "--force"]),
    Capture(["cleanup", "--dry-run"]),
    Capture(["completion", "--help"]),
)
AFTERWARDS = (
    Capture(["status", SESSION]),
    Capture(["show", "letters"]),
    Capture(["logs", "letters"]),
    Capture(["trace", "export", SESSION, "--format", "svg", "--output", "night.svg"]),
)


def write_archive(folder: Path) -> None:
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch=main", "--template=")
    texts = tomllib.loads(TEXTS.read_text(encoding="utf-8"))
    write_letters(folder / "letters", texts["letters"])
    write_jobs(folder / "ocr-jobs")
    chapters = texts["book"]
    for number, run in enumerate((*RUNS[1:], "postcards")):
        (folder / run).mkdir(exist_ok=True)
        for volume in (1, 2):
            leaves = [
                black_and_white(
                    scan(
                        chapters[page % len(chapters)], Wear(noise=70, blur_pixels=1), seed=number * 100 + page * volume
                    )
                )
                for page in range(PAGES // 2)
            ]
            target = folder / run / f"volume-{volume}.tiff"
            leaves[0].save(target, save_all=True, append_images=leaves[1:], compression="group4", dpi=(300, 300))
        (folder / "ocr-jobs" / f"{run}.toml").write_text(
            f'version = 1\n\n[[jobs]]\nname = "{run}"\ndocuments = ["{run}/*"]\nlanguages = ["eng"]\n', encoding="utf-8"
        )
    (folder / "maps" / "torn.jpg").write_bytes((folder / "letters" / "1921-11-crane.jpg").read_bytes()[:2000])
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "Add scans and the jobs that read them")


def environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "TZ", "LANG", "TESSDATA_PREFIX") if name in os.environ}
    return {
        **kept,
        "HOME": str(HOME),
        "USER": "ada",
        "LOGNAME": "ada",
        "TERM": "xterm-256color",
        "PS1": "$ ",
    }


def open_screen(words: Sequence[str], columns: int, rows: int) -> Screen:
    return Screen([SUPERVISOR, *words], columns=columns, rows=rows, folder=ARCHIVE, env=environment())


def shown(words: Sequence[str], lines: Sequence[str]) -> str:
    command = " ".join(f'"{word}"' if " " in word else word for word in ("supervisor", *words))
    content = "\n".join([f"$ {command}", *lines]).replace(str(HOME), SHOWN_HOME)
    return f"```text\n{content}\n```\n"


def look(capture: Capture, columns: int) -> str:
    rows = WIDTHS[columns] if capture.fills_screen else TALL
    return shown(capture.words, open_screen(capture.words, columns, rows).end())


def captures(columns: int) -> Iterator[str]:
    """Execute the runs once, and look on."""
    yield f"## {columns} columns\n"
    open_screen(["--run-ids", "letters", "--session", "First night", "--quiet"], columns, TALL).end()
    supervisor = open_screen(ORDER, columns, WIDTHS[columns])
    supervisor.wait_until(lambda: sum("recognising" in line for line in supervisor.lines) >= 2)
    supervisor.wait_until(lambda: any(line.startswith("maps ") and " 1/3 " in line for line in supervisor.lines))
    yield "### While six runs execute\n"
    yield shown(ORDER, supervisor.lines)
    for capture in MEANWHILE:
        yield look(capture, columns)
    yield "### When they have ended\n"
    yield shown(ORDER, supervisor.end())
    yield from (look(capture, columns) for capture in AFTERWARDS)


def main() -> None:
    (target,) = (Path(argument) for argument in sys.argv[1:])
    socket.sethostname("desk")
    parts = [HEADER]
    for columns in WIDTHS:
        HOME.mkdir()
        try:
            write_archive(ARCHIVE)
            parts += captures(columns)
        finally:
            shutil.rmtree(HOME)
    target.write_text("\n".join(parts), encoding="utf-8")


if __name__ == "__main__":
    main()
