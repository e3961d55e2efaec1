"""What an attempt remembers: of other attempts, runs and machines before it begins, and for them when it ends."""

import logging
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

from supervisor.executor.messages import Start
from supervisor.executor.spec import RunSpec
from supervisor.ocr.cache.cache import PageCache
from supervisor.ocr.cache.history import History
from supervisor.ocr.cache.upkeep import keep_bounded
from supervisor.ocr.engines.tesseract import probe_tesseract
from supervisor.ocr.events import DocumentRequest
from supervisor.ocr.jobs.job import Job
from supervisor.ocr.known import KnownPages, keys_of
from supervisor.store.page_cache import SharedPages
from supervisor.store.urls import parse_url

log = logging.getLogger(__name__)


class Recall:
    """The page cache around one attempt; a context manager that puts away what is new, however the attempt ends.

    Attributes:
        tesseract: What recognises here.
        known: What is known of pages, for recognition.
    """

    def __init__(self, start: Start, spec: RunSpec) -> None:
        """Find out what recognises here, and open the cache if there is one to be asked.

        Raises:
            SurroundingsError: There is no tesseract, or it lacks a language.
        """
        workspace = Path(start.workspace)
        self.tesseract = probe_tesseract(Path(start.state_dir) if start.state_dir else None)
        keys = {job.name: keys_of(job, workspace, self.tesseract) for job in spec.jobs}
        self._limit_bytes = start.cache_limit_bytes
        self._wanted = len(spec.documents)
        self._noted = 0
        self._directory: Path | None = None
        self._shared: SharedPages | None = None
        self._cache: PageCache | None = None
        self._history: History | None = None
        if start.cache_directory:
            self._directory = Path(start.cache_directory)
            self._shared = _shared(start)
            self._cache = PageCache(self._directory, self._shared, min_free_bytes=start.min_free_bytes)
            self._history = History.load(self._directory, start.repository, start.run_id)
        self.known = KnownPages(keys, self._cache, self._history)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._cache is None or self._history is None or self._directory is None:
            return
        self._cache.flush(is_last=True)
        if self._shared is not None:
            self._shared.close()
        self._history.save(is_whole=self._noted == self._wanted)
        try:
            keep_bounded(self._directory, self._limit_bytes)
        except OSError as error:
            log.warning("the page cache %s cannot be kept small: %s", self._directory, error)

    def prefetch(self, documents: Iterable[tuple[Job, str]]) -> None:
        """Bring what other machines know of documents to this one, given their jobs and contents."""
        if self._cache is not None:
            self._cache.prefetch((self.known.keys(job), content) for job, content in documents)

    def note(self, request: DocumentRequest, *, has_failed: bool) -> None:
        """Take in that a document is finished."""
        self._noted += 1
        if self._history is not None and request.blob_sha is not None:
            keys = self.known.keys(request.job)
            self._history.record(request.name, request.blob_sha, keys, has_failed=has_failed)


def _shared(start: Start) -> SharedPages | None:
    """Return where machines share pages: in the database, if it is one that they share."""
    is_postgres = parse_url(start.database_url).get_backend_name() == "postgresql"
    return SharedPages(start.database_url) if is_postgres else None
