"""What is known already of the pages of a run's documents, and what becomes known while they are recognised."""

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from supervisor.ocr.cache.cache import PageCache
from supervisor.ocr.cache.entries import CachedPage
from supervisor.ocr.cache.history import History
from supervisor.ocr.cache.keys import JobKeys, Tools
from supervisor.ocr.engines.tesseract import Tesseract, language_data
from supervisor.ocr.events import DocumentRequest
from supervisor.ocr.jobs.job import Job
from supervisor.ocr.results import PageResult

# Found out once, before executors are forked: the metadata of packages are parsed for it.
_PILLOW_VERSION = version("pillow")
_PYMUPDF_VERSION = version("pymupdf")


class KnownPages:
    """The page cache as one run sees it.

    Args:
        keys: By name of job.
        cache: None if everything is recognised, and nothing kept.
        history: What the run looked at before; None if nobody asks why.
    """

    def __init__(
        self, keys: Mapping[str, JobKeys], cache: PageCache | None = None, history: History | None = None
    ) -> None:
        self._keys = keys
        self._cache = cache
        self._history = history

    @property
    def is_asked(self) -> bool:
        """Whether anything is known, and kept."""
        return self._cache is not None

    def keys(self, job: Job) -> JobKeys:
        """Return what a job's pages are known by."""
        return self._keys[job.name]

    def page_count(self, request: DocumentRequest) -> int | None:
        """Return how many pages a document has, if that is known."""
        if self._cache is None or request.blob_sha is None:
            return None
        return self._cache.page_count(self.keys(request.job), request.blob_sha)

    def page(self, request: DocumentRequest, page_number: int) -> PageResult | None:
        """Return the result of a page, if that is known."""
        if self._cache is None or request.blob_sha is None:
            return None
        known = self._cache.page(self.keys(request.job), request.blob_sha, page_number)
        return reused(known, page_number) if known else None

    def keep_page_count(self, request: DocumentRequest, page_count: int) -> None:
        """Remember how many pages a document has."""
        if self._cache is not None and request.blob_sha is not None:
            self._cache.keep_page_count(self.keys(request.job), request.blob_sha, page_count)

    def keep(self, request: DocumentRequest, page: PageResult, picture: str | None) -> None:
        """Remember a page; one that failed is tried again another time.

        Args:
            request: Whose page.
            page: Its result.
            picture: The digest of its picture; None for a text layer.
        """
        if self._cache is None or request.blob_sha is None or page.status != "succeeded" or page.origin is None:
            return
        kept = CachedPage(
            source=page.origin,
            text=page.text,
            master=page.master,
            mean_confidence=page.mean_confidence,
            low_confidence=page.low_confidence,
            weak_word_share=page.weak_word_share,
            word_count=page.word_count,
            page_key=page.page_key,
        )
        self._cache.keep(self.keys(request.job), request.blob_sha, page.page_number, picture, kept)

    def why(self, request: DocumentRequest) -> str | None:
        """Return why a page of a document was not known; None if that was not asked."""
        if self._history is None or request.blob_sha is None:
            return None
        return self._history.why(request.name, request.blob_sha, self.keys(request.job))


def keys_of(job: Job, root: Path, tesseract: Tesseract) -> JobKeys:
    """Return what a job's pages are known by on this machine.

    Args:
        job: Its settings.
        root: The top of the workspace, which the job's own paths are relative to.
        tesseract: What recognises here.

    Raises:
        DocumentError: A path of the job leads nowhere, or out of the workspace.
        LanguageMissingError: The data of a language cannot be read.
    """
    tools = Tools(tesseract.version, tesseract.leptonica_version, _PILLOW_VERSION, _PYMUPDF_VERSION)
    return JobKeys.of(job, language_data(job, root, tesseract), tools)


def reused(known: CachedPage, page_number: int, duration_ms: int = 0) -> PageResult:
    """Return the result of a page that is known."""
    return PageResult(
        page_number,
        "succeeded",
        "cache" if known.source == "ocr" else known.source,
        known.text,
        known.master,
        known.mean_confidence,
        known.low_confidence,
        known.weak_word_share,
        known.word_count,
        duration_ms,
        page_key=known.page_key,
    )
