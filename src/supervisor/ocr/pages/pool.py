"""The pool of page processes of one executor.

States of a page process: idle, at a page, dead. What holds at all times:

- It is in the caller's process group, so a signal to the group reaches it and its tesseract.
- It ends with the caller: a thread in it waits for the caller's end (`worker.start_page_process`).
- Its end is its tesseract's end: on a time limit and at shutdown through `PageProcess.terminate`, on SIGTERM and the
  caller's death by its own hand, and after SIGKILL or a crash by `PagePool.clear`.
- It holds the caller's `keep_open` descriptors until it is dead.

A death costs the task that was running in it, as an exception of that task's future; pebble starts another process.
A death that costs no task breaks the pool: the process may have held the lock under which all take their tasks, or have
taken one and not told. So does the end of the fork server: pebble takes processes for dead that live, and go on taking
tasks. `submit` and `look_after` then make a new one.
"""

import contextlib
import itertools
import time
from collections.abc import Sequence
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from types import TracebackType
from typing import Self

from pebble import ProcessExpired, ProcessPool

from supervisor.ocr.engines.tesseract import Tesseract
from supervisor.ocr.errors import PoolBrokenError
from supervisor.ocr.pages.calls import begin, perform
from supervisor.ocr.pages.page_files import PageFolders
from supervisor.ocr.pages.page_process import FORK_SERVER_GONE, KeptOpen, PageProcessContext, end_orphans
from supervisor.ocr.pages.scratch import make_scratch
from supervisor.ocr.pages.stopwatch import Stopwatch
from supervisor.ocr.pages.tasks import Answer, PageSetup, Task
from supervisor.ocr.slots.budget import SlotBudget
from supervisor.room import lack_of_room, needing_room

_PRELOADED = ["supervisor.ocr.pages.worker", "supervisor.ocr.pages.pool"]
# So many new pools without one finished task between them mean that no process gets as far as a task.
_RENEWAL_LIMIT = 5
# A fork server that is being killed refuses connections before it can be seen to have ended, and to need another.
_RENEWAL_PAUSE_SECONDS = 0.1
# How long pebble takes at most to tell which task a death has cost; it looks every tenth of a second.
_CHARGING_SECONDS = 1.0
_SEMAPHORES = Path("/dev/shm")  # noqa: S108 (it is only named)


class PagePool:
    """Processes that open documents and recognise pages; a context manager that leaves nothing alive.

    Works in a process that came from a forkserver itself, unless that is daemonic. The forkserver that it starts is
    shared by later pools of the same process, and ends with that process.

    Args:
        workers: How many pages are worked on at the same time.
        tesseract: What recognises here.
        slots: The machine's budget, which its other pools share.
        cache_directory: Where pages are known by their pixels; None for nowhere.
        scratch: Memory-backed storage for prepared pages.
        spill: A folder on disk, for what `scratch` has no room for.
        keep_open: Descriptors of held locks.
        log_level: From which on page processes write lines of a log; None if people read what they print.
    """

    def __init__(
        self,
        workers: int,
        *,
        tesseract: Tesseract,
        slots: SlotBudget,
        cache_directory: Path | None,
        scratch: Path,
        spill: Path,
        keep_open: Sequence[int] = (),
        log_level: str | None = None,
    ) -> None:
        self.workers = workers
        self._tesseract = tesseract
        self._slots = slots
        self._cache_directory = cache_directory
        self._kept = KeptOpen(keep_open)
        self._log_level = log_level
        self._context = PageProcessContext()
        self._context.set_forkserver_preload(_PRELOADED)
        self._numbers = itertools.count(1)
        self._renewals = 0
        self._is_closed = False
        self._unfinished: set[Future[Answer]] = set()
        self._vanished_at: float | None = None
        self._spill = make_scratch(spill)
        try:
            self._scratch = make_scratch(scratch)
        except BaseException as error:
            if not isinstance(error, OSError) or lack_of_room(error) is None:
                self._spill.remove()
                raise
            # Memory has not even room for a folder.
            self._scratch = make_scratch(spill)
        self._pool = self._new_pool()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Kill whatever is running and remove all files; returns within a second."""
        self._is_closed = True
        try:
            self._end_pool()
        finally:
            self._scratch.remove()
            self._spill.remove()

    def submit(self, task: Task) -> Future[Answer]:
        """Queue a task; cancelling its future kills the process that is at it.

        The future raises CancelledError, pebble's ProcessExpired (the process died) or BrokenProcessPool (another one
        died, idle). After either of these call `clear` with the task's folders.

        Raises:
            PoolBrokenError: Processes die before they take a task, again and again, or the pool was closed.
            NoRoomError: Memory-backed storage is full.
        """
        while True:
            if self._is_closed:
                raise PoolBrokenError("the pool of page processes is closed")
            # A pool breaks in a thread of its own, between any two statements here.
            # With its first task it makes semaphores, which lie in memory-backed storage: sem_overview(7).
            with contextlib.suppress(RuntimeError), needing_room(_SEMAPHORES):
                future: Future[Answer] = self._pool.schedule(perform, args=(task,))
                self._unfinished.add(future)
                future.add_done_callback(self._note_end)
                return future
            self._renew()

    def look_after(self) -> None:
        """Make new processes where a death has broken those there are; to be called again and again.

        The futures of tasks that were not done raise BrokenProcessPool.

        Raises:
            PoolBrokenError: As for `submit`.
        """
        codes = {process.exitcode for process in self._context.processes if process.has_vanished}
        if not codes:
            self._vanished_at = None
            return
        now = time.monotonic()
        self._vanished_at = self._vanished_at or now
        if FORK_SERVER_GONE in codes or now - self._vanished_at > _CHARGING_SECONDS:
            self._renew()

    def new_folders(self) -> PageFolders:
        """Name folders that no other page of this pool uses."""
        name = f"page-{next(self._numbers)}"
        return PageFolders(self._scratch.path / name, self._spill.path / name)

    def new_file(self, purpose: str) -> Path:
        """Name a small file in memory that nobody else uses; nothing is made yet."""
        return self._scratch.path / f"{purpose}-{next(self._numbers)}"

    def new_stopwatch(self) -> Path:
        """Make a file by which a task tells how long it has been at work."""
        name = f"watch-{next(self._numbers)}"
        return Stopwatch.make(self._scratch.path / name, self._spill.path / name)

    def new_result(self) -> Path:
        """Name a file on disk that nobody else uses; nothing is made yet."""
        return self._spill.path / f"result-{next(self._numbers)}"

    def clear(self, folders: PageFolders) -> None:
        """Remove what a page left behind whose process is dead: its tesseract, and its files."""
        end_orphans(str(self._scratch.path))
        folders.remove()

    def _new_pool(self) -> ProcessPool:
        return ProcessPool(
            max_workers=self.workers,
            initializer=begin,
            initargs=(self._setup(),),
            context=self._context,
        )

    def _setup(self) -> PageSetup:
        return PageSetup(
            kept=self._kept,
            folders=(self._scratch.path, self._spill.path),
            tesseract=self._tesseract,
            slots=self._slots,
            cache_directory=self._cache_directory,
            log_level=self._log_level,
        )

    def _renew(self) -> None:
        self._end_pool()
        for future in tuple(self._unfinished):
            if not future.done():
                future.set_exception(BrokenProcessPool("the page processes died"))
        self._renewals += 1
        if self._renewals > _RENEWAL_LIMIT:
            raise PoolBrokenError("the page processes die before they take a page")
        if self._renewals > 1:
            time.sleep(_RENEWAL_PAUSE_SECONDS)
        self._pool = self._new_pool()

    def _end_pool(self) -> None:
        try:
            self._pool.stop()  # type: ignore[no-untyped-call]  # pebble
            self._pool.join()
        finally:
            for process in self._context.processes:
                process.terminate()
            self._context.processes = []
            self._vanished_at = None

    def _note_end(self, future: Future[Answer]) -> None:
        self._unfinished.discard(future)
        if future.cancelled():
            return
        match future.exception():
            case None:
                self._renewals = 0
            case ProcessExpired() as expired:
                for process in self._context.processes:
                    if process.pid == expired.pid and process.exitcode != FORK_SERVER_GONE:
                        process.is_accounted_for = True
