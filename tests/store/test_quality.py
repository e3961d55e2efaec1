from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from supervisor.model.states import ResultStatus
from supervisor.store.engine import transaction
from supervisor.store.quality import failures, rated_documents, weakest_pages
from supervisor.store.schema import prepare_results
from supervisor.store.tables import documents, pages

OK, BAD = ResultStatus.SUCCEEDED, ResultStatus.FAILED


def document(
    path: str, status: ResultStatus | None, *, run: int = 1, attempt: int = 2, **others: Any
) -> dict[str, Any]:
    names = {"run": run, "attempt": attempt, "run_id": "a", "blob_sha": "b10b", "job": "books", "path": path}
    return {**names, "status": status, "page_count": 1, "error": None, **others}


def page(path: str, number: int, mean: float | None, weak: float | None, **others: Any) -> dict[str, Any]:
    names = {"run": 1, "attempt": 2, "run_id": "a", "document": path, "page_number": number, "status": OK}
    figures = {"source": "ocr", "mean_confidence": mean, "low_confidence": mean, "weak_word_share": weak}
    rest = {"text": "words", "word_count": 1, "duration_ms": 8, "error": None, "master": b""}
    return {**names, **figures, **rest, **others}


@pytest.fixture(autouse=True)
def _results(engine: Engine) -> None:
    prepare_results(engine)
    with transaction(engine) as connection:
        rows = [
            document("good.tiff", OK, page_count=2),
            document("weak.pdf", OK, page_count=3),
            document("Blank.png", OK),
            document("waiting.png", None, page_count=None),
            document("torn.pdf", BAD, page_count=2, error="1 of 2 pages failed"),
            document("damaged.png", BAD, page_count=None, error="is damaged"),
            document("older.png", BAD, attempt=1),
            document("another.png", BAD, run=2),
        ]
        connection.execute(sa.insert(documents), rows)
        found = [
            page("good.tiff", 1, 95.0, 0.0),
            page("good.tiff", 2, None, None, source="blank", text="", word_count=0),
            page("weak.pdf", 1, 90.0, 0.1, text="x" * 30),
            page("weak.pdf", 2, 30.0, 0.8, text="x" * 10),
            page("weak.pdf", 3, 70.0, 0.25, text=""),
            page("Blank.png", 1, None, None, source="blank"),
            page("torn.pdf", 1, 50.0, 0.2),
            page("torn.pdf", 2, None, None, status=BAD, source=None, error="took too long"),
            page("good.tiff", 1, 1.0, 1.0, attempt=1),
            page("good.tiff", 1, 1.0, 1.0, run=2),
        ]
        connection.execute(sa.insert(pages), found)


def test_documents_that_failed_come_first_then_those_that_are_trusted_least(engine: Engine) -> None:
    with transaction(engine) as connection:
        found = rated_documents(connection, 1, 2)
    names = ["torn.pdf", "damaged.png", "weak.pdf", "good.tiff", "Blank.png", "waiting.png"]
    assert [one.path for one in found] == names
    told = {one.path: one for one in found}
    assert told["weak.pdf"].mean_confidence == pytest.approx((90 * 30 + 30 * 10) / 40), "by the lengths of texts"
    assert (told["weak.pdf"].weak_pages, told["weak.pdf"].pages, told["weak.pdf"].failed_pages) == (2, 3, 0)
    assert (told["torn.pdf"].failed_pages, told["torn.pdf"].error) == (1, "1 of 2 pages failed")
    assert (told["good.tiff"].mean_confidence, told["Blank.png"].mean_confidence) == (95.0, None)
    assert (told["waiting.png"].status, told["waiting.png"].page_count, told["waiting.png"].pages) == (None, None, 0)


def test_pages_that_failed_come_first_then_those_with_the_most_weak_words(engine: Engine) -> None:
    with transaction(engine) as connection:
        found = [(one.document, one.page_number) for one in weakest_pages(connection, 1, 2, None)]
        assert found[:5] == [("torn.pdf", 2), ("weak.pdf", 2), ("weak.pdf", 3), ("torn.pdf", 1), ("weak.pdf", 1)]
        assert set(found[6:]) == {("good.tiff", 2), ("Blank.png", 1)}, "those without words are trusted"
        assert [(one.document, one.page_number) for one in weakest_pages(connection, 1, 2, 2)] == found[:2]
        assert weakest_pages(connection, 1, 2, 0) == []
        assert weakest_pages(connection, 3, 1, None) == rated_documents(connection, 3, 1) == []


def test_failures_have_their_reasons(engine: Engine) -> None:
    with transaction(engine) as connection:
        assert failures(connection, 1, 2, 5) == [("damaged.png", "is damaged"), ("torn.pdf", "1 of 2 pages failed")]
        assert failures(connection, 1, 2, 1) == [("damaged.png", "is damaged")]
