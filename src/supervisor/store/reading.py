"""What was read of documents, page by page, for programs that go on with it."""

from dataclasses import dataclass, fields

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from supervisor.model.states import ResultStatus
from supervisor.store.tables import pages


@dataclass(frozen=True)
class ReadPage:
    """A page of an attempt.

    Attributes:
        page_number: From 1.
        source: `ocr`, `text_layer`, `cache` or `blank`; None unless it succeeded.
        text: Its lines.
        mean_confidence: 0 to 100, weighted by characters; None where there are no words, or nothing is known.
        low_confidence: The tenth percentile of the confidences of its words.
        weak_word_share: 0 to 1: the share of words below 60.
        error: Why it could not be read, or was left out.
    """

    page_number: int
    status: ResultStatus
    source: str | None
    text: str
    mean_confidence: float | None
    low_confidence: float | None
    weak_word_share: float | None
    word_count: int
    error: str | None


_COLUMNS = [pages.c[field.name] for field in fields(ReadPage)]


def of_document(connection: Connection, run: int, attempt: int, path: str) -> list[ReadPage]:
    """Return the pages of a document in their order."""
    query = sa.select(*_COLUMNS).where(pages.c.run == run, pages.c.attempt == attempt, pages.c.document == path)
    rows = connection.execute(query.order_by(pages.c.page_number)).mappings()
    return [ReadPage(**{**row, "status": ResultStatus(row["status"])}) for row in rows]


def finished_numbers(connection: Connection, run: int, attempt: int) -> dict[str, list[int]]:
    """Return by path the numbers of the pages that an attempt has read so far, in their order."""
    read = sa.select(pages.c.document, pages.c.page_number).where(
        pages.c.run == run, pages.c.attempt == attempt, pages.c.status == ResultStatus.SUCCEEDED
    )
    found: dict[str, list[int]] = {}
    for document, number in connection.execute(read.order_by(pages.c.page_number)):
        found.setdefault(document, []).append(number)
    return found
