"""A tesseract that stays alive: it is told one page after the other, and answers each before the next.

`tesseract - - -c stream_filelist=true` reads names of files, one a line, from standard input. After each it writes the
page's hOCR, in one piece and flushed (`TessResultRenderer::AppendData`, from tesseract 5.0 on), so the answer is
complete when it ends with the closing tag of the page: that line stands at its depth nowhere else, and text is escaped.
A page that cannot be read ends the process, as does the end of standard input.
"""

import time
from collections.abc import Sequence
from pathlib import Path

import psutil

from supervisor.ocr.engines.arguments import options, readable_name
from supervisor.ocr.engines.process import TesseractProcess, decoded
from supervisor.ocr.engines.protocol import EngineSettings
from supervisor.ocr.errors import RecogniserError

_PAGE_BEGINS = b"  <div class='ocr_page'"
_PAGE_ENDS = b"\n  </div>\n"
_DOCUMENT_ENDS = b" </body>\n</html>\n"
# A process is replaced when it holds so much between two pages: large pages leave holes in its heap.
_IDLE_BYTES = 384 * 1024 * 1024
# The start that a replacement costs, 0.09 s, is lost among so many pages, and so is whatever may leak.
_PAGES = 500


class StreamingEngine:
    """Keeps one tesseract, for the settings of the last page.

    Args:
        keep_open: Descriptors that tesseract holds as long as it lives: the lock of a slot.
    """

    def __init__(self, keep_open: Sequence[int] = ()) -> None:
        self._keep_open = tuple(keep_open)
        self._stream: _Stream | None = None

    @property
    def pid(self) -> int | None:
        """Return the process that waits for a page, if there is one."""
        return self._stream.process.pid if self._stream else None

    def recognise(self, file: Path, settings: EngineSettings, *, timeout_seconds: float) -> str:
        """Return tesseract's own hOCR of a page; see `Engine.recognise`."""
        deadline = time.monotonic() + timeout_seconds
        try:
            return self._ask(file, settings, deadline)
        except _SilentEndError:
            return self._ask(file, settings, deadline)

    def close(self) -> None:
        """End tesseract, if it runs."""
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.process.end()

    def _ask(self, file: Path, settings: EngineSettings, deadline: float) -> str:
        stream = self._stream_for(settings)
        try:
            answer = stream.ask(file, deadline, settings.memory_bytes)
        except BaseException:
            self.close()
            raise
        if stream.is_worn():
            self.close()
        return answer

    def _stream_for(self, settings: EngineSettings) -> "_Stream":
        if self._stream is not None and (self._stream.settings != settings or self._stream.process.poll() is not None):
            self.close()
        if self._stream is None:
            self._stream = _Stream(settings, self._keep_open)
        return self._stream


class _SilentEndError(Exception):
    """A tesseract that had answered before has ended without a word: perhaps while it waited, by no page's fault."""


class _Stream:
    """One process, and what is known of it."""

    def __init__(self, settings: EngineSettings, keep_open: Sequence[int]) -> None:
        self.settings = settings
        self.process = TesseractProcess(
            ["tesseract", "-", "-", "-l", "+".join(settings.languages), *options(settings, stream_filelist="true")],
            keep_open=keep_open,
        )
        self._pages = 0
        self._document_begins = b""

    def ask(self, file: Path, deadline: float, memory_bytes: int | None) -> str:
        self.process.limit_memory(memory_bytes)
        with readable_name(file) as name:
            self._tell(name)
            answer = self.process.read_answer(end=_PAGE_ENDS, deadline=deadline)
        if not answer.endswith(_PAGE_ENDS):
            self.process.collect(deadline)
            if self._pages and not answer:
                raise _SilentEndError
            raise self.process.failure()
        if self.process.lacked_memory():
            raise self.process.failure()
        return decoded(self._document(answer))

    def is_worn(self) -> bool:
        """Tell whether a fresh process would be better."""
        try:
            idle_bytes = psutil.Process(self.process.pid).memory_info().rss
        except psutil.NoSuchProcess:
            return True
        return self._pages >= _PAGES or idle_bytes > _IDLE_BYTES

    def _tell(self, name: str) -> None:
        try:
            self.process.stdin.write(f"{name}\n".encode())
            self.process.stdin.flush()
        except BrokenPipeError:
            # It ended at its start; its output tells why.
            return

    def _document(self, answer: bytes) -> bytes:
        """Make a whole document of a page: its beginning comes with the first one, its end never."""
        if self._pages == 0:
            self._document_begins = answer[: max(answer.find(_PAGE_BEGINS), 0)]
            answer = answer[len(self._document_begins) :]
        self._pages += 1
        if not answer.startswith(_PAGE_BEGINS):
            raise RecogniserError("tesseract wrote what is no hOCR")
        return self._document_begins + answer + _DOCUMENT_ENDS
