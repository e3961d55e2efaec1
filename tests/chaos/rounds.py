"""One round: start the command, let its faults come, repeat it until it succeeds, and see what holds."""

import shutil
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from chaos.archive import LINES, Archive, Original, draw_archive
from chaos.databases import PostgresRows, Rows, SqliteRows
from chaos.faults import MIN_FREE_BYTES, Striker, has_come
from chaos.invariants import check_memory, check_round, describe_processes
from chaos.ledger import Ledger
from chaos.plan import RUN_IDS, Fault, Kind, Plan, Target
from chaos.processes import held_in_memory
from chaos.server import Server
from support.small_disk import SmallDisk

OPTIONS = {
    "--run-ids": ",".join(RUN_IDS),
    "--workers": 3,
    "--ocr-workers": 2,
    # In megabytes; more, and the small disk of a round would be refused.
    "--min-free": MIN_FREE_BYTES // 1_000_000,
}
COMMAND = ("--no-cache", *(f"{name}={value}" for name, value in OPTIONS.items()))
_DISK_BYTES = 16_000_000
_POLL_SECONDS = 0.01
# How long a fault looks for what it shall strike.
_LOOKING_SECONDS = 4.0
_MOST_COMMANDS = 8
_ROUND_SECONDS = 180.0


class StoppedError(Exception):
    """Somebody wants no further rounds."""


class SpoiltError(Exception):
    """The command does not even succeed where nobody disturbs it."""


def make_original(folder: Path, lines: int = LINES) -> Original:
    """Draw the archive that rounds get a copy of, and run the command on another copy, undisturbed."""
    drawn = draw_archive(folder / "original", lines)
    original = Original(drawn.folder, {}, drawn.git_facts(), 0)
    archive = original.copy(folder / "undisturbed")
    began = time.monotonic()
    command = archive.start((*COMMAND, *SqliteRows(archive).arguments))
    try:
        if command.process.wait(_ROUND_SECONDS) != 0:
            raise SpoiltError(command.said())
    finally:
        archive.kill_all()
    return replace(original, outputs=archive.outputs(), seconds=time.monotonic() - began)


@dataclass
class Round:
    """What a round was.

    Attributes:
        codes: How its commands ended.
        struck: The faults that found what they were to strike.
        missed: Those that did not.
        wrong: What does not hold; empty if all is well.
    """

    plan: Plan
    folder: Path
    codes: list[int] = field(default_factory=list)
    struck: list[Kind] = field(default_factory=list)
    missed: list[Kind] = field(default_factory=list)
    wrong: Sequence[str] = ()
    seconds: float = 0
    stored: int = 0
    recognised: int = 0


def play(
    plan: Plan, original: Original, folder: Path, server: Server | None, stop: threading.Event | None = None
) -> Round:
    """Play a round in a new folder; leaves no process, and no fault that goes on.

    Args:
        plan: What is to happen.
        original: The archive of which a copy is used.
        folder: Where; stays there.
        server: The Postgres to use, and to strike; None for rounds with SQLite.
        stop: Ends it early.

    Raises:
        StoppedError: It was ended early.
    """
    archive = original.copy(folder)
    rows = _rows(plan, archive, server)
    with _disk(plan, archive) as disk:
        striker = Striker(archive, server, f"round_{plan.seed}", disk)
        playing = _Playing(plan, archive, rows, striker, stop or threading.Event())
        began = time.monotonic()
        played = Round(plan, folder, playing.codes, playing.struck, playing.missed)
        try:
            try:
                playing.play()
            finally:
                striker.put_right(now=True)
            found = check_round(original, archive, rows, playing.ledger, codes=played.codes, struck=played.struck)
            played.wrong = [*found, *check_memory(playing.in_memory)]
        except TimeoutError as error:
            played.wrong = [f"{error}; what lives: {describe_processes(archive) or 'nothing'}"]
        finally:
            archive.kill_all()
        if played.wrong and disk is not None:
            shutil.copytree(disk.folder, folder / "runs-on-the-disk")
    played.seconds = time.monotonic() - began
    played.stored, played.recognised = playing.ledger.stored, playing.ledger.recognised.total()
    return played


def _rows(plan: Plan, archive: Archive, server: Server | None) -> Rows:
    if plan.database == "sqlite":
        return SqliteRows(archive)
    if server is None:
        raise ValueError("a round with postgres needs a server")
    return PostgresRows(server.server.create_database(f"round_{plan.seed}"))


@contextmanager
def _disk(plan: Plan, archive: Archive) -> Iterator[SmallDisk | None]:
    """Have the runs directory on a disk of its own where that is to be filled."""
    if not any(fault.kind.target is Target.DISK for fault in plan.faults):
        yield None
        return
    disk = SmallDisk(archive.runs.root, _DISK_BYTES)
    try:
        yield disk
    finally:
        disk.unmount()


class _Playing:
    def __init__(self, plan: Plan, archive: Archive, rows: Rows, striker: Striker, stop: threading.Event) -> None:
        self.codes: list[int] = []
        self.struck: list[Kind] = []
        self.missed: list[Kind] = []
        self.ledger = Ledger(archive, rows)
        self.in_memory: set[Path] = set()
        self._plan = plan
        self._archive = archive
        self._command = (*COMMAND, *rows.arguments)
        self._striker = striker
        self._stop = stop
        self._coming = list(plan.faults)
        self._due_at: float | None = None
        self._deadline = time.monotonic() + _ROUND_SECONDS

    def play(self) -> None:
        """Go on until the command has succeeded, or too often has not."""
        for number in range(_MOST_COMMANDS):
            command = self._archive.start(self._command)
            while command.process.poll() is None:
                self._turn()
            self.codes.append(command.process.returncode)
            # What was due in this one comes in the next when its moment does.
            self._due_at = None
            self.ledger.look()
            if self.codes[-1] == 0:
                self.missed.extend(fault.kind for fault in self._coming)
                return
            self._pause(self._plan.pauses_seconds[number % len(self._plan.pauses_seconds)])

    def _pause(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self._turn()
        self.ledger.look()

    def _turn(self) -> None:
        if self._stop.is_set():
            raise StoppedError
        if time.monotonic() > self._deadline:
            raise TimeoutError(f"the round is not over after {_ROUND_SECONDS:.0f} s")
        self._striker.put_right()
        if self._coming:
            self._see_to(self._coming[0])
        time.sleep(_POLL_SECONDS)

    def _see_to(self, fault: Fault) -> None:
        now = time.monotonic()
        if self._due_at is None:
            if not has_come(fault.moment, self._archive):
                return
            self._due_at = now + fault.moment.delay_seconds
        if now < self._due_at:
            return
        self.ledger.look()
        self.in_memory |= held_in_memory(self._archive)
        if self._striker.strike(fault):
            self.struck.append(fault.kind)
        elif now < self._due_at + _LOOKING_SECONDS:
            return
        else:
            self.missed.append(fault.kind)
        self._coming.pop(0)
        self._due_at = None
