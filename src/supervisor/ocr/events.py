"""What goes into `process_documents`, and what comes out of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from supervisor.ocr.jobs.job import Job
from supervisor.ocr.results import PageResult


@dataclass(frozen=True)
class DocumentRequest:
    """One document to recognise.

    Attributes:
        path: In the workspace, or the LFS pointer or link that stands there.
        name: For people.
        job: How to recognise it.
        root: The top of the workspace; no link may lead out of it.
        lfs_objects_dir: The repository's local LFS store, None where there is none.
        done: Results by page number that are used again instead of recognising those pages.
        blob_sha: What its content is known by; None where that is not all there is to it, as with a link.
    """

    path: Path
    name: str
    job: Job
    root: Path
    lfs_objects_dir: Path | None = None
    done: Mapping[int, PageResult] = field(default_factory=dict)
    blob_sha: str | None = None

    @property
    def identity(self) -> tuple[str, str] | None:
        """What two documents have in common whose pages are all alike."""
        return None if self.blob_sha is None else (self.blob_sha, self.job.name)


@dataclass(frozen=True)
class DocumentOpened:
    """A document could be opened; its pages follow."""

    request: DocumentRequest
    page_count: int


@dataclass(frozen=True)
class PageFinished:
    """A page has its result.

    Attributes:
        request: Whose page.
        page: The result.
        reused: It was handed in with the request.
    """

    request: DocumentRequest
    page: PageResult
    reused: bool = False


@dataclass(frozen=True)
class DocumentFinished:
    """A document has all its results.

    Attributes:
        request: Which document.
        status: failed if it could not be opened or any page failed.
        page_count: None if it could not be opened.
        pages: In order, one for each page; empty if it could not be opened.
        error: The reason, None if succeeded.
        pdf: The searchable PDF, where one was asked for and could be made; the receiver moves it away.
    """

    request: DocumentRequest
    status: Literal["succeeded", "failed"]
    page_count: int | None
    pages: tuple[PageResult, ...]
    error: str | None
    pdf: Path | None = None


@dataclass(frozen=True)
class Waiting:
    """Nothing more is to be had at this moment: what came so far can be put away together."""


Event = DocumentOpened | PageFinished | DocumentFinished | Waiting
