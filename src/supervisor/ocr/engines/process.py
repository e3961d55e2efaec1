"""One tesseract process: started within limits, read within bounds, ended and collected."""

import contextlib
import os
import re
import resource
import selectors
import subprocess
import time
from collections.abc import Sequence
from typing import IO

from supervisor.ocr.characters import one_line
from supervisor.ocr.errors import RecogniserError, TesseractMissingError, signal_name
from supervisor.ocr.pages.page_process import end_process_tree

ANSWER_BYTES = 64 * 1024 * 1024
_CHUNK_BYTES = 64 * 1024
_MESSAGE_BYTES = 4096
# What C++, leptonica and the system say when there is no memory left: std::bad_alloc, "malloc fail", "calloc fail",
# "Cannot allocate memory".
_OUT_OF_MEMORY = re.compile(rb"bad_alloc|[cm]alloc|allocat|out of memory|MemoryError", re.IGNORECASE)
# Said of every page, or of none in particular.
_CHATTER = re.compile(r"Page \d+ : |Estimating resolution as|Detected \d+ diacritics|Error during processing\.")


class PageTimeoutError(RecogniserError):
    """tesseract took longer over a page than it may."""

    def __init__(self, *, said: str = "") -> None:
        super().__init__("took longer than page_timeout_seconds allows", said=said)


class TesseractProcess(subprocess.Popen[bytes]):
    """A child in our own process group, which loses its standard input when we die.

    Args:
        command: Program and arguments.
        keep_open: Descriptors that it holds as long as it lives: the lock of a slot.

    Raises:
        TesseractMissingError: It cannot be started.
    """

    # Pipes, always.
    stdin: IO[bytes]
    stdout: IO[bytes]
    stderr: IO[bytes]

    def __init__(self, command: Sequence[str], *, keep_open: Sequence[int] = ()) -> None:
        self._messages = bytearray()
        self._memory_bytes: int | None = None
        try:
            super().__init__(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=tuple(keep_open),
                # With several threads one page takes five times as long (tesseract#3109).
                env={**os.environ, "OMP_THREAD_LIMIT": "1"},
            )
        except FileNotFoundError as error:
            raise TesseractMissingError("tesseract is not installed, or not on PATH") from error
        except OSError as error:
            raise TesseractMissingError(f"tesseract cannot be started: {error.strerror}") from error
        self._limit(resource.RLIMIT_CORE, 0)

    def limit_memory(self, memory_bytes: int | None) -> None:
        """Set how much address space it may use from now on; None for as much as we may ourselves."""
        self._memory_bytes = memory_bytes
        limit = resource.RLIM_INFINITY if memory_bytes is None else memory_bytes
        self._limit(resource.RLIMIT_AS, limit)
        # It has inherited ours, which is that of the page it was started for.
        self._limit(resource.RLIMIT_DATA, limit)

    def read_answer(self, *, end: bytes | None, deadline: float) -> bytes:
        """Return what it writes up to and including `end`, or until it closes its output.

        Args:
            end: What every answer ends with, and holds nowhere else; None to read all.
            deadline: By `time.monotonic`.

        Raises:
            PageTimeoutError: The answer was not complete in time.
            RecogniserError: It wrote too much.
        """
        self._messages.clear()
        answer = bytearray()
        with selectors.DefaultSelector() as selector:
            for stream in (self.stdout, self.stderr):
                selector.register(stream, selectors.EVENT_READ)
            while selector.get_map():
                ready = selector.select(max(deadline - time.monotonic(), 0))
                if not ready or time.monotonic() > deadline:
                    raise PageTimeoutError(said=self.message())
                for key, _ in ready:
                    chunk = os.read(key.fd, _CHUNK_BYTES)
                    if not chunk:
                        selector.unregister(key.fileobj)
                    elif key.fileobj is self.stderr:
                        self._hear(chunk)
                    else:
                        answer += chunk
                        if len(answer) > ANSWER_BYTES:
                            raise RecogniserError(f"tesseract wrote more than {ANSWER_BYTES // 2**20} MB")
                        if end is not None and _is_complete(answer, end, len(chunk)):
                            self._drain_messages()
                            return bytes(answer)
        return bytes(answer)

    def message(self) -> str:
        """Return the end of what it said on standard error since the last page began, as one line."""
        lines = self._messages.decode("utf-8", "replace").splitlines()
        return one_line(" ".join(line for line in lines if not _CHATTER.match(line)))

    def collect(self, deadline: float) -> None:
        """Wait for its end.

        Raises:
            PageTimeoutError: It does not end.
        """
        try:
            self.wait(max(deadline - time.monotonic(), 0))
        except subprocess.TimeoutExpired as error:
            raise PageTimeoutError from error

    def end(self) -> None:
        """Kill and collect it, and what it started: "tesseract" may be a script around the program."""
        if self.poll() is None:
            end_process_tree(self.pid)
        self.wait()
        for stream in (self.stdin, self.stdout, self.stderr):
            with contextlib.suppress(BrokenPipeError):  # what it did not read is of no use any more
                stream.close()

    def lacked_memory(self) -> bool:
        """Tell whether it did what it did since the last page began with too little memory.

        leptonica reports an image that it has no memory for, and tesseract then goes on without it, so that what it
        writes is not to be believed.
        """
        return self._memory_bytes is not None and _OUT_OF_MEMORY.search(self._messages) is not None

    def failure(self) -> RecogniserError:
        """Return why it has no answer, once it ended by itself or lacked memory."""
        status, message = self.returncode, self.message()
        if self._memory_bytes is not None and self.lacked_memory():
            asked = f"tesseract needed more memory than {self._memory_bytes / 1e6:,.0f} MB"
            return RecogniserError(asked, said=message)
        if status < 0:
            killed = f"tesseract was killed by {signal_name(-status)}"
            return RecogniserError(killed, killed_by=-status, said=message)
        if status > 0:
            return RecogniserError(f"tesseract failed with exit code {status}: {message or 'without a message'}")
        return RecogniserError("tesseract ended without writing its result" + (f": {message}" if message else ""))

    def _hear(self, chunk: bytes) -> None:
        self._messages = (self._messages + chunk)[-_MESSAGE_BYTES:]

    def _drain_messages(self) -> None:
        """Take what it said of the page before it answered; a pipe holds no more than one chunk."""
        with selectors.DefaultSelector() as selector:
            selector.register(self.stderr, selectors.EVENT_READ)
            if selector.select(0):
                self._hear(os.read(self.stderr.fileno(), _CHUNK_BYTES))

    def _limit(self, what: int, amount: int) -> None:
        # From outside, some microseconds after the start: code between fork and exec, which could do it before, can
        # deadlock where we have threads.
        hard = resource.prlimit(self.pid, what)[1]
        bounded = hard if amount == resource.RLIM_INFINITY else amount
        resource.prlimit(self.pid, what, (bounded if hard == resource.RLIM_INFINITY else min(bounded, hard), hard))


def decoded(answer: bytes) -> str:
    """Return an answer as text.

    Raises:
        RecogniserError: It is none.
    """
    try:
        return answer.decode("utf-8")
    except UnicodeDecodeError as error:
        raise RecogniserError("tesseract wrote what is not UTF-8") from error


def _is_complete(answer: bytearray, end: bytes, new_bytes: int) -> bool:
    at = answer.find(end, max(len(answer) - new_bytes - len(end), 0))
    if at < 0:
        return False
    if at + len(end) < len(answer):
        raise RecogniserError("tesseract wrote more than the answer for one page")
    return True
