"""The repository of a round, the command that is struck, and whatever that has started."""

import contextlib
import io
import json
import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from PIL import Image, ImageDraw, ImageFont

from chaos.plan import PAGES_OF_A_RUN, RUN_IDS
from supervisor.artifacts.layout import RunsDirectory
from support.ending import end_all

PROGRAM = Path(sys.executable).with_name("supervisor")
_WORDS = ("harbour", "master", "keeps", "a", "log", "of", "every", "winter", "storm", "and", "the", "late", "ships")
LINES = 16
_GIT = "[user]\n\tname = T\n\temail = t@example.org\n[init]\n\tdefaultBranch = main\n"


@dataclass
class Command:
    """One go of the command, in a session of its own."""

    process: subprocess.Popen[bytes]
    err: Path

    def said(self) -> str:
        return self.err.read_text(errors="replace")


@dataclass
class Archive:
    """A folder with a repository of scans, and with a home, a folder for temporary files and slots that it alone uses.

    Whatever is started for it has its home in the environment, and is known by that.
    """

    folder: Path
    commands: list[Command] = field(default_factory=list)

    @property
    def top(self) -> Path:
        return self.folder / "archive"

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def temporary(self) -> Path:
        return self.folder / "tmp"

    @property
    def slots(self) -> Path:
        return self.folder / "slots"

    @property
    def runs(self) -> RunsDirectory:
        return RunsDirectory(self.top / ".autonomous_runs")

    def workspace(self, run_id: str) -> Path:
        return self.runs.root / "workspaces" / run_id

    def environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        return kept | {
            "HOME": str(self.home),
            "TMPDIR": str(self.temporary),
            "SUPERVISOR_SLOTS_DIR": str(self.slots),
            # Somebody else's slots are no concern of a round, and neither is a stopped tesseract in one of these.
            "SUPERVISOR_OCR_SLOTS": "3",
        }

    def git(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=self.top, env=self.environment(), capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(f"git {' '.join(arguments)}: {done.stderr}")
        return done.stdout + done.stderr

    def start(self, arguments: Sequence[str]) -> Command:
        number = len(self.commands) + 1
        err = self.folder / f"err-{number}"
        with err.open("wb") as err_file, (self.folder / f"out-{number}").open("wb") as out_file:
            process = subprocess.Popen(
                [str(PROGRAM), *arguments],
                cwd=self.top,
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=out_file,
                stderr=err_file,
                start_new_session=True,
            )
        self.commands.append(Command(process, err))
        return self.commands[-1]

    def processes(self) -> list[psutil.Process]:
        """Return what lives of all that was started for this archive; zombies do not."""
        return list(self._living())

    def _living(self) -> Iterator[psutil.Process]:
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.environ().get("HOME") == str(self.home) and process.status() != psutil.STATUS_ZOMBIE:
                    yield process

    def kill_all(self) -> None:
        end_all(self.processes)
        for command in self.commands:
            command.process.wait()

    def outputs(self) -> Mapping[str, bytes]:
        """Return all that the runs have published, by path."""
        return {
            str(path.relative_to(self.runs.root)): path.read_bytes()
            for run_id in RUN_IDS
            for path in sorted(self.runs.run(run_id).output.rglob("*"))
            if path.is_file()
        }

    def git_facts(self) -> Mapping[str, str]:
        """Return what no run may change about the repository."""
        facts = {
            "git worktree list": self.git("worktree", "list", "--porcelain"),
            "git for-each-ref": self.git("for-each-ref"),
            "git status": self.git("status", "--porcelain", "--branch"),
            "git fsck": self.git("fsck", "--no-dangling", "--no-progress"),
            ".git/config": (self.top / ".git" / "config").read_text(),
        }
        return {name: fact.replace(str(self.folder), "") for name, fact in facts.items()}


@dataclass(frozen=True)
class Original:
    """The archive that every round gets a copy of, and what comes out where nobody disturbs.

    Attributes:
        seconds: How long that took.
    """

    folder: Path
    outputs: Mapping[str, bytes]
    facts: Mapping[str, str]
    seconds: float

    def copy(self, folder: Path) -> Archive:
        archive = Archive(folder)
        for path in (archive.home, archive.temporary, archive.slots):
            path.mkdir(parents=True)
        shutil.copytree(Archive(self.folder).top, archive.top, symlinks=True)
        shutil.copytree(Archive(self.folder).home, archive.home, dirs_exist_ok=True)
        return archive


def draw_archive(folder: Path, lines: int) -> Archive:
    """Make a repository with three runs of as many pages, of so many lines each, in files of several kinds."""
    archive = Archive(folder)
    for path in (archive.top, archive.home, archive.temporary, archive.slots):
        path.mkdir(parents=True)
    (archive.home / ".gitconfig").write_text(_GIT)
    archive.git("init", "--quiet")
    half = PAGES_OF_A_RUN // 2
    _write(archive.top / "a/one.tiff", *_pages("a1", half, lines))
    _write(archive.top / "a/two.tiff", *_pages("a2", half, lines))
    for number in range(half):
        _write(archive.top / f"b/{number}.png", *_pages(f"b{number}", 1, lines))
    _write(archive.top / "b/rest.pdf", *_pages("b", PAGES_OF_A_RUN - half, lines))
    _write(archive.top / "c/all.tiff", *_pages("c", PAGES_OF_A_RUN, lines))
    for run_id in RUN_IDS:
        job = archive.top / "ocr-jobs" / f"{run_id}.toml"
        job.parent.mkdir(exist_ok=True)
        formats = ["txt", "tsv", "hocr", "json"]
        job.write_text(
            f'version = 1\n\n[[jobs]]\nname = "{run_id}"\ndocuments = ["{run_id}/*"]\nformats = {json.dumps(formats)}\n'
        )
    archive.git("add", "--all")
    archive.git("commit", "--quiet", "-m", "scans")
    return archive


def _pages(name: str, count: int, lines: int) -> list[Image.Image]:
    dice, font = random.Random(name), ImageFont.load_default(size=32)  # noqa: S311 (repeatable on purpose)
    drawn = []
    for _ in range(count):
        page = Image.new("L", (900, 60 * lines + 40), 255)
        for line in range(lines):
            ImageDraw.Draw(page).text((40, 20 + 60 * line), " ".join(dice.choices(_WORDS, k=7)), font=font, fill=0)
        drawn.append(page)
    return drawn


def _write(path: Path, first: Image.Image, *others: Image.Image) -> None:
    path.parent.mkdir(exist_ok=True)
    content = io.BytesIO()
    many = {"save_all": True, "append_images": others} if others else {}
    first.save(content, path.suffix[1:], dpi=(300, 300), resolution=300, **many)
    path.write_bytes(content.getvalue())


def signal_name(code: int) -> str:
    """Return an exit code as people read it."""
    return signal.Signals(-code).name if code < 0 else str(code)
