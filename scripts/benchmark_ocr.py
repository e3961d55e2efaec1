"""Recognition beside its peers on the same pages: time, processor time and character error rate, as Markdown.

All take part in every round, one after the other, in an order that moves on from round to round; on two cores, with
one thread for each tesseract, and our cache off. The page sets:

- books: the 14 scans of old books in the corpus, six times, one pixel changed in each copy: 84 pages, black and white.
- noisy: 36 grey A4 pages of 7 to 12 pt, blurred and noisy, 300 dpi, made here.
- books-off: the books with `scale = "off"` in our job; only the limit and we read them.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from ocr_measured import Usage, measured, stay_on_two_cores
from ocr_pages import CORPUS, Pages, books, noisy
from ocr_programs import PROGRAMS, Limit, Ocrmypdf, OursInTwoRuns, Parallel, Program

from support.accuracy import error_rate

SETS = ("books", "noisy", "books-off")
QUICK_PAGES = 2
USUAL = [key for key in PROGRAMS if key != OursInTwoRuns.key]
NOTHING_TO_INSTALL = [key for key in USUAL if key not in {Parallel.key, Ocrmypdf.key}]


@dataclass
class Row:
    """A line of the table: a program on a page set, and what was measured round by round."""

    program: Program
    usages: list[Usage] = field(default_factory=list)
    error_rates: list[float] = field(default_factory=list)

    def measure(self, environment: Mapping[str, str]) -> None:
        with tempfile.TemporaryDirectory() as folder:
            usage = measured(self.program.command(Path(folder)), environment)
            texts = self.program.texts(Path(folder))
        pages = self.program.pages
        names = [file.name for file in pages.files]
        self.usages.append(usage)
        self.error_rates.append(
            error_rate(dict(zip(names, texts, strict=True)), dict(zip(names, pages.truths, strict=True)))
        )
        say(f"{pages.name}, {self.program.label}: {usage.seconds:.1f} s")

    def median(self, value: Callable[[Usage], float]) -> float:
        return median(map(value, self.usages))

    @property
    def seconds(self) -> float:
        return self.median(lambda usage: usage.seconds)

    @property
    def error_rate(self) -> float:
        return median(self.error_rates)

    def cells(self, limit: "Row | None", ocrmypdf: "Row | None") -> list[str]:
        pages = len(self.program.pages.files)
        every = [usage.seconds for usage in self.usages]
        return [
            self.program.label,
            f"{self.seconds:.1f} ({min(every):.1f} to {max(every):.1f})",
            f"{pages / self.seconds:.2f}",
            f"{self.median(lambda usage: usage.cpu_seconds) / pages:.3f}",
            f"{self.seconds / limit.seconds:.2f}" if limit else "",
            f"{ocrmypdf.seconds / self.seconds:.2f}" if ocrmypdf else "",
            f"{self.error_rate:.3%}",
            f"{100 * (self.error_rate - limit.error_rate):+.3f}" if limit else "",
        ]


HEADINGS = (
    "",
    "seconds",
    "pages / s",
    "CPU s / page",
    "time ÷ limit's",
    "pages / s ÷ OCRmyPDF's",
    "CER",
    "CER - limit's, points",
)


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def make_pages(wanted: Sequence[str], corpus: Path, top: Path, *, quick: bool) -> list[Pages]:
    found = []
    if {"books", "books-off"} & set(wanted):
        scans = books(corpus, top / "books", 1 if quick else 6, most=QUICK_PAGES if quick else None)
        found += [scans, scans.unscaled("books-off")]
    if "noisy" in wanted:
        found.append(noisy(top / "noisy", QUICK_PAGES if quick else 36))
    return [pages for pages in found if pages.name in wanted]


def available(keys: Sequence[str]) -> list[type[Program]]:
    programs = [PROGRAMS[key] for key in keys]
    for program in programs:
        if reason := program.missing():
            say(f"without {program.label}: {reason}")
    return [program for program in programs if not program.missing()]


def make_rows(sets: Sequence[Pages], programs: Sequence[type[Program]], top: Path) -> list[list[Row]]:
    """Return the lines of each page set."""
    tables = []
    for pages in sets:
        rows = []
        for program in programs:
            if pages.scale == "auto" or program.minds_scale:
                folder = top / f"{pages.name} for {program.key}"
                folder.mkdir()
                rows.append(Row(program(pages, folder)))
        tables.append(rows)
    return tables


def print_table(rows: Sequence[Row]) -> None:
    by_key = {row.program.key: row for row in rows}
    pages = rows[0].program.pages
    print(f"\n{pages.name}, {len(pages.files)} pages, rounds: {len(rows[0].usages)}; medians (lowest to highest)\n")
    print(f"| {' | '.join(HEADINGS)} |")
    print("|---" * len(HEADINGS) + "|")
    for row in rows:
        print(f"| {' | '.join(row.cells(by_key.get(Limit.key), by_key.get(Ocrmypdf.key)))} |")


def _choices(allowed: Sequence[str]) -> Callable[[str], list[str]]:
    def parse(value: str) -> list[str]:
        names = value.split(",")
        if unknown := set(names) - set(allowed):
            raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown)}; there are {', '.join(allowed)}")
        return names

    return parse


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench ocr", description=__doc__.splitlines()[0])
    parser.add_argument("rounds", type=int, nargs="?", default=3, help="default: %(default)s")
    parser.add_argument("--sets", type=_choices(SETS), default=",".join(SETS), help="default: %(default)s")
    parser.add_argument("--programs", type=_choices([*PROGRAMS]), help=f"default: {','.join(USUAL)}")
    parser.add_argument("--corpus", type=Path, default=CORPUS, help="the folder that has old-books")
    parser.add_argument("--quick", action="store_true", help="two pages a set, nothing that must be installed first")
    return parser.parse_args()


def main() -> None:
    arguments = parse_arguments()
    stay_on_two_cores()
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    # Without it every tesseract of a peer takes several times as long, see tesseract#3109.
    environment["OMP_THREAD_LIMIT"] = "1"
    programs = available(arguments.programs or (NOTHING_TO_INSTALL if arguments.quick else USUAL))
    with tempfile.TemporaryDirectory() as folder:
        top = Path(folder)
        say("making the pages")
        sets = make_pages(arguments.sets, arguments.corpus, top, quick=arguments.quick)
        tables = make_rows(sets, programs, top)
        for number in range(arguments.rounds):
            say(f"round {number + 1} of {arguments.rounds}")
            for rows in tables:
                # Nobody always comes first.
                for row in [*rows[number % len(rows) :], *rows[: number % len(rows)]]:
                    if not arguments.quick:
                        os.sync()  # what the one wrote is not the next one's to wait for
                    row.measure(environment)
        for rows in tables:
            print_table(rows)


if __name__ == "__main__":
    main()
