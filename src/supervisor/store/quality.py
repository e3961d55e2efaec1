"""What to look at first among the documents and pages of an attempt: what failed, then what is hardest to trust.

All of these are for `ResultStore.read`.
"""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from supervisor.model.states import ResultStatus
from supervisor.model.weakness import WEAK_PAGE_SHARE
from supervisor.store.tables import documents, pages


@dataclass(frozen=True)
class DocumentQuality:
    """A document and what its pages add up to.

    Attributes:
        status: None until it is finished.
        page_count: None until it was opened.
        pages: How many are finished.
        mean_confidence: 0 to 100, weighted by the lengths of its pages' texts; None without words.
        weak_pages: How many have many weak words.
    """

    path: str
    job: str
    status: ResultStatus | None
    page_count: int | None
    pages: int
    failed_pages: int
    weak_pages: int
    mean_confidence: float | None
    error: str | None


@dataclass(frozen=True)
class PageQuality:
    """A page without its text; the figures are those of the table `pages`."""

    document: str
    page_number: int
    status: ResultStatus
    source: str | None
    mean_confidence: float | None
    low_confidence: float | None
    weak_word_share: float | None
    word_count: int
    duration_ms: int
    error: str | None


def rated_documents(connection: Connection, run: int, attempt: int) -> list[DocumentQuality]:
    """Return the documents of an attempt: failed ones first, then the least trusted; those not finished last."""
    length = sa.func.length(pages.c.text)
    weight = sa.func.sum(sa.case((pages.c.mean_confidence.is_not(None), length)))
    its_pages = (
        sa.select(
            pages.c.document,
            sa.func.count().label("pages"),
            sa.func.count(sa.case((pages.c.status == ResultStatus.FAILED, 1))).label("failed_pages"),
            sa.func.count(sa.case((pages.c.weak_word_share >= WEAK_PAGE_SHARE, 1))).label("weak_pages"),
            (sa.func.sum(pages.c.mean_confidence * length) / sa.func.nullif(weight, 0)).label("mean_confidence"),
        )
        .where(pages.c.run == run, pages.c.attempt == attempt)
        .group_by(pages.c.document)
        .subquery()
    )
    query = (
        sa.select(
            *(documents.c[name] for name in ("path", "job", "status", "page_count", "error")),
            *(sa.func.coalesce(its_pages.c[name], 0).label(name) for name in ("pages", "failed_pages", "weak_pages")),
            its_pages.c.mean_confidence,
        )
        .outerjoin(its_pages, its_pages.c.document == documents.c.path)
        .where(documents.c.run == run, documents.c.attempt == attempt)
    )
    return sorted((DocumentQuality(**row) for row in connection.execute(query).mappings()), key=_trust)


def weakest_pages(connection: Connection, run: int, attempt: int, limit: int | None) -> list[PageQuality]:
    """Return pages of an attempt, failed ones first, then those with the most weak words; None is all of them."""
    weakness = pages.c.weak_word_share
    query = (
        sa.select(*(pages.c[name] for name in PageQuality.__dataclass_fields__))
        .where(pages.c.run == run, pages.c.attempt == attempt)
        .order_by(
            sa.case((pages.c.status == ResultStatus.FAILED, 0), else_=1),
            weakness.desc().nulls_last(),
            pages.c.mean_confidence.asc().nulls_last(),
            pages.c.document,
            pages.c.page_number,
        )
        .limit(limit)
    )
    return [PageQuality(**row) for row in connection.execute(query).mappings()]


def failures(connection: Connection, run: int, attempt: int, limit: int) -> list[tuple[str, str]]:
    """Return documents that failed, and why, by path."""
    query = (
        sa.select(documents.c.path, documents.c.error)
        .where(documents.c.run == run, documents.c.attempt == attempt, documents.c.status == ResultStatus.FAILED)
        .order_by(documents.c.path)
        .limit(limit)
    )
    return [(path, error or "") for path, error in connection.execute(query)]


def _trust(document: DocumentQuality) -> tuple[Any, ...]:
    """Return what sorts documents: those first that somebody should look at."""
    confidence = document.mean_confidence
    return (
        document.status != ResultStatus.FAILED,
        document.status is None,
        confidence is None,
        confidence,
        document.path,
    )
