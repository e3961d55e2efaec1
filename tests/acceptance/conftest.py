"""The command as a user types it: a repository of scans, the installed program, and what it leaves behind."""

import contextlib
import fcntl
import io
import itertools
import json
import os
import shlex
import signal
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest
from PIL import Image, ImageDraw, ImageFont

from supervisor.artifacts.layout import RunsDirectory
from support.commands import SECONDS, Done, Running
from support.ending import end_all
from support.gate import Gate
from support.ready_program import ReadyProgram, running_program
from support.schemas import check_document, check_event, check_runs_directory
from support.thorough import THOROUGH

PROGRAM = Path(sys.executable).with_name("supervisor")
WORDS = ("The harbour master keeps", "a log of every winter")
CORPUS = Path(__file__).parents[2] / "../shared/corpus"


def png(*lines: str, mark: str = "") -> bytes:
    """A page with some lines of text; another mark makes it another picture, that reads the same."""
    image = Image.new("L", (800, 40 + 60 * len(lines)), 255)
    image.putdata([254 if bit == "1" else 255 for bit in f"{zlib.crc32(os.fsencode(mark)):032b}"])
    for number, line in enumerate(lines):
        ImageDraw.Draw(image).text((30, 20 + 60 * number), line, font=ImageFont.load_default(size=40), fill=0)
    content = io.BytesIO()
    image.save(content, "PNG", dpi=(300, 300))
    return content.getvalue()


def wait_until(condition: Callable[[], object], seconds: float = SECONDS) -> None:
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, "the condition did not come true"
        time.sleep(0.01)


@dataclass
class Archive:
    """A repository of scans, and the program used on it by somebody whose home is new."""

    top: Path
    home: Path
    program: ReadyProgram | None
    started: list[Running] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    @property
    def runs(self) -> Path:
        return self.top / ".autonomous_runs"

    def environment(self, **extra: str) -> dict[str, str]:
        """The home is this archive's own, and so is the page cache in it; slots are those of the machine."""
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "TZ", "TMPDIR") if name in os.environ}
        return kept | {"HOME": str(self.home)} | extra

    def git(self, *arguments: str, cwd: Path | None = None) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=cwd or self.top, env=self.environment(), capture_output=True, check=False
        )
        assert done.returncode == 0, (arguments, done.stderr.decode())
        return done.stdout.decode()

    def write(self, name: str, content: bytes | str) -> Path:
        path = self.top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def scan(self, *names: str, lines: Sequence[str] = WORDS) -> None:
        """Draw pages that read the same, under several names; none of them is known from another."""
        for name in names:
            self.write(name, png(*lines, mark=name))

    def book(self, name: str, *, pages: int) -> None:
        """Draw a document of many small pages, none like another."""
        drawn = []
        for number in range(1, pages + 1):
            drawn.append(Image.new("L", (300, 60), 255))
            font = ImageFont.load_default(size=36)
            ImageDraw.Draw(drawn[-1]).text((20, 10), f"page {number}", font=font, fill=0)
        content = io.BytesIO()
        drawn[0].save(content, "TIFF", save_all=True, append_images=drawn[1:], dpi=(300, 300))
        self.write(name, content.getvalue())

    def job(self, name: str, *documents: str, extra: str = "") -> str:
        """Write a job file with one job; return its path."""
        path = f"ocr-jobs/{name}.toml"
        label = name.replace("/", "-")
        self.write(
            path, f'version = 1\n\n[[jobs]]\nname = "{label}"\ndocuments = {json.dumps(list(documents))}\n{extra}\n'
        )
        return path

    def commit(self) -> str:
        self.git("add", "--all")
        self.git("commit", "--quiet", "-m", "scans")
        return self.git("rev-parse", "HEAD").strip()

    def start(self, *arguments: str, cwd: Path | None = None, **environment: str) -> Running:
        return self._start([str(PROGRAM), *arguments], cwd, environment)

    def python(self, script: Path, *arguments: str, **environment: str) -> Running:
        """Start a program of somebody who uses the package."""
        return self._start([sys.executable, "-W", "error", str(script), *arguments], None, environment)

    def shell(self, line: str, **environment: str) -> Running:
        """Start a line of shell, in which the program is `supervisor`."""
        return self._start(["bash", "-c", line.replace("supervisor", shlex.quote(str(PROGRAM)))], None, environment)

    def _start(self, command: Sequence[str], cwd: Path | None, environment: Mapping[str, str]) -> Running:
        out, err = self._outputs()
        with out.open("wb") as out_file, err.open("wb") as err_file:
            process = subprocess.Popen(
                command,
                cwd=cwd or self.top,
                env=self.environment(**environment),
                stdin=subprocess.DEVNULL,
                stdout=out_file,
                stderr=err_file,
                start_new_session=True,
            )
        self.started.append(Running(process, out, err))
        return self.started[-1]

    def _outputs(self) -> tuple[Path, Path]:
        number = next(self._numbers)
        out, err = self.home / f"out-{number}", self.home / f"err-{number}"
        out.touch()
        err.touch()
        return out, err

    def supervisor(self, *arguments: str, cwd: Path | None = None, **environment: str) -> Done:
        """Run the program to its end, without its start, which tests know from `start`.

        With another PATH it is started all the same: what it imports looks for git.
        """
        if self.program is None or "PATH" in environment:
            return self.start(*arguments, cwd=cwd, **environment).end()
        out, err = self._outputs()
        code = self.program.run(
            arguments,
            folder=cwd or self.top,
            environment=self.environment(**environment),
            out=out,
            err=err,
            seconds=SECONDS,
        )
        return Done(code, out.read_text(), err.read_text())

    def text(self, run_id: str, document: str, runs: Path | None = None) -> str:
        return ((runs or self.runs) / run_id / "output" / f"{document}.txt").read_text()

    def events(self, run_id: str, event: str) -> list[dict[str, Any]]:
        trace = self.runs / run_id / "trace.jsonl"
        if not trace.exists():
            return []
        # The last line may be half written while the run goes on.
        lines = [line for line in trace.read_text().splitlines(keepends=True) if line.endswith("\n")]
        found = [json.loads(line) for line in lines]
        for one in found:
            check_event(one)
        return [one for one in found if one["event"] == event]

    def manifest(self, run_id: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.runs / run_id / "run.json").read_text())
        check_document(found)
        return found

    def recognised(self, run_id: str) -> list[str]:
        """The documents whose pages were recognised, as often as they were."""
        return sorted(event["document"] for event in self.events(run_id, "page_recognised"))

    def holder(self, run_id: str) -> dict[str, Any]:
        record = self.runs / ".locks" / f"{run_id}.json"
        return dict(json.loads(record.read_text())) if record.exists() else {"process_group": None}

    def processes(self) -> list[psutil.Process]:
        """Living processes that this archive's commands have started: they have its home, or work in its folders."""
        own = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
        return [process for process in psutil.process_iter() if process.pid not in own and self._is_ours(process)]

    def _is_ours(self, process: psutil.Process) -> bool:
        with contextlib.suppress(psutil.Error):
            folder = str(self.home.parent)
            return process.status() != psutil.STATUS_ZOMBIE and (
                process.environ().get("HOME") == str(self.home)
                or process.cwd().startswith(folder)
                or any(folder in argument for argument in process.cmdline())
            )
        return False

    def held_locks(self, runs: Path | None = None) -> list[Path]:
        """Lock files that somebody holds, asked of the kernel."""
        held = []
        for path in sorted((runs or self.runs).glob(".*/*.lock")):
            with path.open("r+b") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    held.append(path)
        return held

    def scratch(self, run_id: str) -> list[Path]:
        """What lies in memory-backed storage for a run."""
        folder = RunsDirectory(self.runs).scratch(run_id)
        return [folder, *folder.rglob("*")] if folder.exists() else []

    def has_heard_to_stop(self, run_id: str) -> bool:
        """Whether the executor of a run has told its page processes to begin no page any more."""
        return any(path.name.startswith("stop-") for path in self.scratch(run_id))

    def pins(self) -> str:
        return self.git("for-each-ref", "refs/supervisor")

    def kill_all(self) -> None:
        end_all(self.processes)
        for running in self.started:
            running.process.wait()


@pytest.fixture(scope="session")
def program() -> Iterator[ReadyProgram | None]:
    """What runs commands that are waited for, unless each of them shall be started as users start it."""
    if THOROUGH:
        yield None
        return
    with running_program() as ready:
        yield ready


@contextlib.contextmanager
def new_archive(folder: Path, program: ReadyProgram | None) -> Iterator[Archive]:
    """Give an empty repository; whatever is done with it, no process, no held lock and no odd document may be left."""
    home = folder / "home"
    home.mkdir()
    (home / ".gitconfig").write_text("[user]\n\tname = T\n\temail = t@example.org\n[init]\n\tdefaultBranch = main\n")
    made = Archive(folder / "archive", home, program)
    made.top.mkdir()
    made.git("init", "--quiet")
    yield made
    if any(running.process.poll() == -signal.SIGKILL for running in made.started):
        # What it had started notices, and ends by itself.
        psutil.wait_procs(made.processes(), timeout=SECONDS)
    left, held = made.processes(), made.held_locks()
    made.kill_all()
    assert not left
    assert not held
    check_runs_directory(made.runs)


@pytest.fixture
def archive(tmp_path: Path, program: ReadyProgram | None) -> Iterator[Archive]:
    with new_archive(tmp_path, program) as made:
        yield made


@pytest.fixture(scope="module")
def lasting_archive(tmp_path_factory: pytest.TempPathFactory, program: ReadyProgram | None) -> Iterator[Archive]:
    """One for all tests of a module, which find in it what those before have left."""
    with new_archive(tmp_path_factory.mktemp("lasting"), program) as made:
        yield made


@pytest.fixture
def three(archive: Archive) -> Archive:
    """Three committed runs of one small page each: a, b and c."""
    for run_id in "abc":
        archive.scan(f"scans/{run_id}.png")
        archive.job(run_id, f"scans/{run_id}.png")
    archive.commit()
    return archive


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    return Gate(tmp_path / "gate")


@pytest.fixture(name="wait_until", scope="session")
def _wait_until() -> Callable[..., None]:
    return wait_until


@pytest.fixture(scope="session")
def corpus() -> Path:
    if not CORPUS.is_dir():
        pytest.skip("the corpus of real scans does not lie beside the repository")
    return CORPUS
