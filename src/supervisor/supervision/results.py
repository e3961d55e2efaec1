"""What runs have read, in the hands of the program that had them executed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from supervisor.board.report import RunReport
from supervisor.model.near import near_hint
from supervisor.model.states import ResultStatus, RunStatus
from supervisor.store import reading
from supervisor.store.databases import Databases
from supervisor.store.reading import ReadPage
from supervisor.store.results import StoredDocument


@dataclass(frozen=True)
class _Attempt:
    """Where the pages of an attempt are."""

    databases: Databases
    run_id: str
    row: int
    number: int

    def pages(self, path: str) -> list[ReadPage]:
        store = self.databases.open_results(self.run_id)
        try:
            return store.read(lambda connection: reading.of_document(connection, self.row, self.number, path))
        finally:
            store.close()


@dataclass(frozen=True)
class DocumentResult:
    """A document of a run.

    Attributes:
        path: From the top of the repository.
        status: None if the run ended before the document did.
        error: Why it failed, or was skipped.
    """

    path: str
    status: ResultStatus | None
    error: str | None
    _attempt: _Attempt = field(repr=False)

    @property
    def ok(self) -> bool:
        """Whether all of it was read."""
        return self.status is ResultStatus.SUCCEEDED

    @cached_property
    def pages(self) -> Sequence[ReadPage]:
        """Its pages in their order, from the database, when they are first asked for."""
        return self._attempt.pages(self.path)

    @property
    def text(self) -> str:
        """The text of all pages, with a form feed between two."""
        return "\f".join(page.text for page in self.pages)

    @property
    def mean_confidence(self) -> float | None:
        """0 to 100, of all pages that tell theirs, weighted by words; None if none does."""
        told = [(page.mean_confidence, page.word_count) for page in self.pages if page.mean_confidence is not None]
        words = sum(count for _, count in told)
        return sum(confidence * count for confidence, count in told) / words if words else None


@dataclass(frozen=True)
class RunResult:
    """A run that was named, as it stood in the end; `result["scans/a.png"].text` is what was read of a document.

    Attributes:
        report: Everything else that is known of it: commit, seconds, numbers of pages.
        documents: By path.
    """

    report: RunReport
    documents: Mapping[str, DocumentResult] = field(repr=False)

    @classmethod
    def of(cls, report: RunReport, row: int, databases: Databases) -> "RunResult":
        """Make it of what was reported of a row of `runs`."""
        attempt = _Attempt(databases, report.run_id, row, report.attempt)
        return cls(report, {one.path: _document(one, attempt) for one in report.documents})

    def __getitem__(self, path: str) -> DocumentResult:
        if path not in self.documents:
            hint = near_hint(path, list(self.documents), none="it has none")
            raise KeyError(f"run {self.run_id!r} has no document {path!r} ({hint})")
        return self.documents[path]

    @property
    def run_id(self) -> str:
        """What it is called."""
        return self.report.run_id

    @property
    def status(self) -> RunStatus:
        """How it ended, or stands."""
        return self.report.status

    @property
    def ok(self) -> bool:
        """Whether it succeeded."""
        return self.status is RunStatus.SUCCEEDED

    @property
    def error(self) -> str | None:
        """Why it failed, or was cancelled."""
        return self.report.error

    @property
    def output(self) -> Path:
        """The folder of its files: `output / "scans/a.png.txt"`."""
        return self.report.artifacts / "output"

    @property
    def failed_documents(self) -> list[DocumentResult]:
        """The documents that could not be read, or not all of whose pages could be."""
        return [one for one in self.documents.values() if one.status is ResultStatus.FAILED]


def _document(stored: StoredDocument, attempt: _Attempt) -> DocumentResult:
    status = None if stored.status is None else ResultStatus(stored.status)
    return DocumentResult(stored.path, status, stored.error, attempt)
