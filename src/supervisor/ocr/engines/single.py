"""One tesseract per page, run by pytesseract: the reference, and the fall-back where a stream is not sound."""

import shlex
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from pytesseract import pytesseract

from supervisor.ocr.engines.arguments import options, readable_name
from supervisor.ocr.engines.process import TesseractProcess, decoded
from supervisor.ocr.engines.protocol import EngineSettings


class SingleEngine:
    """Starts a tesseract for every page.

    Args:
        keep_open: Descriptors that tesseract holds as long as it lives: the lock of a slot.
    """

    def __init__(self, keep_open: Sequence[int] = ()) -> None:
        self._keep_open = tuple(keep_open)

    def recognise(self, file: Path, settings: EngineSettings, *, timeout_seconds: float) -> str:
        """Return tesseract's own hOCR of a page; see `Engine.recognise`."""
        deadline = time.monotonic() + timeout_seconds
        with readable_name(file) as name, _started_by_us(self._keep_open, settings.memory_bytes, deadline) as started:
            try:
                # run_tesseract rather than image_to_*: it takes a path instead of encoding a picture again. The
                # extension only keeps it from adding a configuration file of that name.
                pytesseract.run_tesseract(name, "-", "tsv", "+".join(settings.languages), shlex.join(options(settings)))
            except pytesseract.TesseractError as error:
                raise started[0].failure() from error
        process = started[0]
        if process.lacked_memory() or b"class='ocr_page'" not in process.answer:
            raise process.failure()
        return decoded(process.answer)

    def close(self) -> None:
        """Do nothing: no process outlives its page."""


class _PageProcess(TesseractProcess):
    """A process as pytesseract expects it, which starts it, hands over nothing, and judges its exit code."""

    def __init__(self, command: Sequence[str], keep_open: Sequence[int], memory_bytes: int | None, deadline: float):
        super().__init__(command, keep_open=keep_open)
        self.limit_memory(memory_bytes)
        self._deadline = deadline
        self.answer = b""

    def communicate(self, *_: Any, **__: Any) -> tuple[bytes, bytes]:
        """Read within our own bounds of size and time; return nothing but the message."""
        try:
            self.answer = self.read_answer(end=None, deadline=self._deadline)
            self.collect(self._deadline)
        except BaseException:
            self.end()
            raise
        return b"", self.message().encode()


@contextmanager
def _started_by_us(keep_open: Sequence[int], memory_bytes: int | None, deadline: float) -> Iterator[list[_PageProcess]]:
    """Let pytesseract start its process with what it has no argument for: descriptors and limits.

    Its own way to end a process that is late also leaves it uncollected, and its output is unbounded.
    """
    started: list[_PageProcess] = []

    def start(command: Sequence[str], **_: Any) -> _PageProcess:
        process = _PageProcess(command, keep_open, memory_bytes, deadline)
        started.append(process)
        return process

    pytesseract.subprocess = SimpleNamespace(PIPE=subprocess.PIPE, Popen=start)
    try:
        yield started
    finally:
        pytesseract.subprocess = subprocess
