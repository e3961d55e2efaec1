"""What the log tells of an attempt: how it began, each document's end, what failed and why, and how it ended."""

import logging
import time
from collections import Counter

from supervisor.executor.messages import Finished, Start, Stopped
from supervisor.executor.spec import RunSpec
from supervisor.logs.standard import facts
from supervisor.model.states import ResultStatus
from supervisor.ocr.results import PageResult
from supervisor.store.results import StoredDocument

_log = logging.getLogger("supervisor.executor")


class Story:
    """Tells of one attempt. Pages that succeed are told of at level debug alone: there are thousands."""

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._taken_up: dict[str, float] = {}
        self._documents: Counter[str] = Counter()
        self._pages: Counter[str] = Counter()

    def begin(self, start: Start, spec: RunSpec, *, tesseract: str) -> None:
        """Tell how it begins, which settings it has, and what recognises."""
        _log.info(
            "started",
            extra=facts(
                documents=len(spec.documents),
                page_processes=start.ocr_workers,
                tesseract=tesseract,
                page_cache=start.cache_directory,
                jobs={job.name: {"languages": job.languages, "formats": job.formats} for job in spec.jobs},
            ),
        )

    def take_up(self, document: str) -> None:
        """Note that it is a document's turn."""
        self._taken_up[document] = time.monotonic()

    def page(self, document: str, page: PageResult) -> None:
        """Tell of a page."""
        self._pages[page.source or page.status] += 1
        of_page = {"document": document, "page_number": page.page_number}
        if page.status == "failed":
            said = {"tesseract_said": page.said} if page.said else {}
            _log.error("page failed", extra=facts(**of_page, error=page.error, **said))
            return
        seconds = page.duration_ms / 1000
        _log.debug("page done", extra=facts(**of_page, source=page.source or page.status, seconds=seconds))

    def document(self, row: StoredDocument) -> None:
        """Tell of a document that is finished."""
        status = str(row.status)
        self._documents[status] += 1
        seconds = round(time.monotonic() - self._taken_up.pop(row.path, time.monotonic()), 3)
        told = {"document": row.path, "status": status, "pages": row.page_count, "seconds": seconds}
        if row.status is ResultStatus.FAILED:
            _log.error("document failed", extra=facts(**told, error=row.error))
        else:
            _log.info("document done", extra=facts(**told))

    def end(self, outcome: Finished | Stopped) -> None:
        """Tell how it ended, with the counts."""
        told = {
            "documents": dict(self._documents),
            "pages": dict(self._pages),
            "seconds": round(time.monotonic() - self._begun, 3),
        }
        match outcome:
            case Finished(status, error):
                _log.info("ended", extra=facts(status=str(status), **({"error": error} if error else {}), **told))
            case Stopped():
                _log.info("stopped before the end", extra=facts(**told))
