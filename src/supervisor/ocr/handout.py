"""Making tasks for page processes of what is to be done next; each gets files of its own."""

import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import assert_never

from supervisor.logs.standard import facts
from supervisor.ocr.documents.document import Document
from supervisor.ocr.events import DocumentFinished, DocumentRequest
from supervisor.ocr.known import KnownPages
from supervisor.ocr.pages.pool import PagePool
from supervisor.ocr.pages.tasks import OpenTask, PageTask, SearchableTask
from supervisor.ocr.under_way import OpenDocument, Opening, Page, Searchable, UnderWay

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Handout:
    """Makes the tasks of one pool.

    Attributes:
        stop_file: Once it exists no task is begun.
    """

    pool: PagePool
    known: KnownPages
    stop_file: Path

    def opening(self, request: DocumentRequest, owner: OpenDocument | None) -> Opening:
        """Open a document; `owner` is there if its pages are known."""
        task = OpenTask(
            request.path,
            request.root,
            request.lfs_objects_dir,
            request.blob_sha,
            request.job,
            self.stop_file,
            self.pool.new_stopwatch(),
        )
        return Opening(request, task, owner)

    def page(self, owner: OpenDocument, page_number: int) -> Page:
        """Recognise a page of a document that is open.

        Raises:
            ValueError: It is not.
        """
        if owner.document is None:
            raise ValueError("a document is opened before its pages are recognised")
        task = PageTask(
            owner.document,
            page_number,
            owner.request.root,
            owner.request.job,
            self.pool.new_folders(),
            self.stop_file,
            self.pool.new_stopwatch(),
            self.known.keys(owner.request.job),
        )
        return Page(owner, task)

    def searchable(self, document: Document, finished: DocumentFinished) -> Searchable:
        """Make the searchable PDF of a document all of whose pages are there."""
        task = SearchableTask(
            document,
            tuple(page.master if page.origin == "ocr" else None for page in finished.pages),
            finished.request.job,
            self.pool.new_result(),
            self.stop_file,
            self.pool.new_stopwatch(),
        )
        return Searchable(finished, task)

    def again(self, what: UnderWay, reason: str | None) -> UnderWay:
        """Do the same a second time.

        Args:
            what: To be done.
            reason: Why the first time came to nothing.
        """
        _log.warning("trying again: %s", reason, extra=facts(**_told_of(what)))
        task = replace(what.task, stopwatch=self.pool.new_stopwatch(), is_second_try=True)
        return replace(what, task=task)  # type: ignore[arg-type]  # it is the task that it had


def _told_of(what: UnderWay) -> dict[str, object]:
    match what:
        case Opening(request):
            return {"document": request.name}
        case Page(owner, task):
            return {"document": owner.request.name, "page_number": task.page_number}
        case Searchable(finished):
            return {"document": finished.request.name}
        case _:
            assert_never(what)
