"""The programs that `scripts/bench ocr` compares: how each is told to read the pages, and where it leaves the texts."""

import shutil
import subprocess
import sys
from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar

from ocr_pages import DPI, Pages
from ocr_repository import SUPERVISOR, make_repository
from peers import locked_version, peers_python


class Program(ABC):
    """A program and the pages that it is to read; what is made here is not in its time.

    Attributes:
        key: What it is chosen by.
        label: What it is called in the table.
        minds_scale: Whether it reads pages otherwise with `scale = "off"`, or is what such a reading is compared with.
    """

    key: ClassVar[str]
    label: ClassVar[str]
    minds_scale: ClassVar[bool] = False

    def __init__(self, pages: Pages, folder: Path) -> None:
        """Make ready in the folder what the program is given instead of the files, if anything."""
        self.pages = pages
        self.given = folder

    @classmethod
    def missing(cls) -> str | None:
        """Say why the program cannot take part."""
        return None

    @abstractmethod
    def command(self, folder: Path) -> list[str | Path]:
        """Return the command that reads all pages and writes to the folder."""

    @abstractmethod
    def texts(self, folder: Path) -> list[str]:
        """Return what it has read, page by page."""


class Limit(Program):
    key, label, minds_scale = "limit", "two list-fed tesseracts", True

    def __init__(self, pages: Pages, folder: Path) -> None:
        super().__init__(pages, folder)
        for number in range(2):
            (folder / f"{number}.list").write_text("".join(f"{file}\n" for file in pages.files[number::2]))

    def command(self, folder: Path) -> list[str | Path]:
        both = " & ".join(
            f'tesseract "$1/{number}.list" "$2/{number}" --dpi {DPI} txt 2>>"$2/log"' for number in range(2)
        )
        return ["sh", "-c", f"{both}; wait", "sh", self.given, folder]

    def texts(self, folder: Path) -> list[str]:
        texts = [""] * len(self.pages.files)
        for number in range(2):
            texts[number::2] = _separated(folder / f"{number}.txt")
        return texts


class Parallel(Program):
    key, label = "parallel", "GNU parallel"

    @classmethod
    def missing(cls) -> str | None:
        return None if shutil.which("parallel") else "not installed (Debian: apt-get install parallel)"

    def command(self, folder: Path) -> list[str | Path]:
        one = ["tesseract", "{}", f"{folder}/{{/}}", "--dpi", str(DPI), "txt"]
        return ["parallel", "--will-cite", "-j2", *one, ":::", *self.pages.files]

    def texts(self, folder: Path) -> list[str]:
        return _texts_beside(folder, self.pages)


class Ocrmypdf(Program):
    """Given the pages as one PDF, as its users do with scans of a book: made by img2pdf beforehand, not in its time."""

    key, label = "ocrmypdf", f"OCRmyPDF {locked_version('ocrmypdf')}, -j2"

    def __init__(self, pages: Pages, folder: Path) -> None:
        super().__init__(pages, folder)
        self._programs = peers_python().parent
        command = [self._programs / "img2pdf", "--output", folder / "pages.pdf", "--", *pages.files]
        subprocess.run(command, check=True)

    def command(self, folder: Path) -> list[str | Path]:
        options = ["-j2", "--quiet", "--output-type", "pdf", "--optimize", "0", "--sidecar", folder / "texts.txt"]
        return [self._programs / "ocrmypdf", *options, self.given / "pages.pdf", folder / "searchable.pdf"]

    def texts(self, folder: Path) -> list[str]:
        return _separated(folder / "texts.txt")


class Pool(Program):
    key, label = "pool", "pytesseract in a pool of 2"

    def command(self, folder: Path) -> list[str | Path]:
        return [sys.executable, Path(__file__).with_name("ocr_pool.py"), folder, *self.pages.files]

    def texts(self, folder: Path) -> list[str]:
        return _texts_beside(folder, self.pages)


class Ours(Program):
    """The product whole, from a commit to published files, with a new database each time."""

    key, label, minds_scale = "ours", "ours", True
    runs: ClassVar[int] = 1

    def __init__(self, pages: Pages, folder: Path) -> None:
        super().__init__(pages, folder)
        self._shares = {f"run-{number}": pages.files[number :: self.runs] for number in range(self.runs)}
        make_repository(folder, self._shares, scale=pages.scale)

    def command(self, folder: Path) -> list[str | Path]:
        where = ["--repo", self.given, "--runs-dir", folder, "--per-run-sqlite"]
        workers = ["--workers", str(self.runs), "--ocr-workers", "2"]
        return [SUPERVISOR, *where, *workers, "--run-ids", ",".join(self._shares), "--no-cache", "--quiet"]

    def texts(self, folder: Path) -> list[str]:
        texts = [""] * len(self.pages.files)
        for number, (run_id, files) in enumerate(self._shares.items()):
            output = folder / run_id / "output" / run_id
            texts[number :: self.runs] = [(output / f"{file.name}.txt").read_text(encoding="utf-8") for file in files]
        return texts


class OursInTwoRuns(Ours):
    key, label = "ours-two-runs", "ours, two runs at once"
    runs = 2


PROGRAMS: dict[str, type[Program]] = {
    program.key: program for program in (Limit, Parallel, Ocrmypdf, Pool, Ours, OursInTwoRuns)
}


def _separated(texts: Path) -> list[str]:
    # Between pages: tesseract 4 put one after the last, too.
    return texts.read_text(encoding="utf-8").split("\f")


def _texts_beside(folder: Path, pages: Pages) -> list[str]:
    return [(folder / f"{file.name}.txt").read_text(encoding="utf-8") for file in pages.files]
