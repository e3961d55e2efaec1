"""Rows and messages of an attempt go together: what is told is stored."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from multiprocessing import Pipe
from pathlib import Path

import pytest
import sqlalchemy as sa

from supervisor.executor.batch import Batch
from supervisor.executor.messages import Advanced, EndedDocument, Message, receive, send
from supervisor.model.states import ResultStatus
from supervisor.ocr.results import PageResult
from supervisor.store.results import AttemptKey, FencedOut, ResultStore, StoredDocument, StoredPage
from supervisor.store.urls import sqlite_url

KEY = AttemptKey(run=7, run_id="a", attempt=1, lease_term=1)
PAGE = StoredPage(
    "a.tiff", 1, ResultStatus.SUCCEEDED, "ocr", "text", 90.0, 80.0, 0.0, 4, 700, None, "k3y", "new", "hocr"
)
DOCUMENT = StoredDocument("a.tiff", "b10b", "books", ResultStatus.SUCCEEDED, 3, None)
FAILED = [PageResult(3, "failed", duration_ms=400, error="too dark")]


@dataclass
class Desk:
    """A batch with a real store, and what was told and committed.

    Attributes:
        told: Each message, with the numbers of pages and documents that were stored when it was sent.
        transactions: How many there were.
    """

    store: ResultStore
    told: list[tuple[Message, int, int]] = field(default_factory=list)
    transactions: int = 0

    def __post_init__(self) -> None:
        sa.event.listen(self.store._engine, "commit", self._count)
        self._here, self._there = Pipe(duplex=False)
        self.batch = Batch(self.store, KEY, self._send)

    def _count(self, _connection: object) -> None:
        self.transactions += 1

    def _send(self, message: Message) -> None:
        counted = self.transactions
        pages = self.store.tally(KEY.run, 1).total
        documents = sum(document.status is not None for document in self.store.documents(KEY.run, 1))
        self.transactions = counted
        send(self._there, message)
        self.told.append((receive(self._here), pages, documents))

    @property
    def messages(self) -> list[Message]:
        return [message for message, _, _ in self.told]


def page(number: int, **changed: object) -> StoredPage:
    return StoredPage(**{**vars(PAGE), "page_number": number, **changed})


@pytest.fixture
def open_desk(tmp_path: Path) -> Iterator[Callable[[], Desk]]:
    store = ResultStore(sqlite_url(tmp_path / "a.db"), shared=False)
    store.take_over(KEY, "owner")
    yield lambda: Desk(store)
    store.close()


@pytest.fixture
def desk(open_desk: Callable[[], Desk]) -> Desk:
    return open_desk()


def test_nothing_is_told_before_it_is_stored(desk: Desk) -> None:
    desk.batch.opened(3)
    desk.batch.page(page(1))
    desk.batch.page(page(2, source="cache", because=None))
    desk.batch.page(page(3, status=ResultStatus.FAILED, source=None, because=None, error="too dark"))
    desk.batch.document(StoredDocument("a.tiff", "b10b", "books", ResultStatus.FAILED, 3, "page 3: too dark"), FAILED)
    assert (desk.told, desk.transactions) == ([], 0)
    desk.batch.flush()
    told = Advanced(
        documents_opened=1,
        pages_found=3,
        pages={"ocr": 1, "cache": 1, "failed": 1},
        because={"new": 1},
        ended=[EndedDocument("a.tiff", "page 3: too dark", {"failed": 1}, 0.4)],
    )
    assert desk.told == [(told, 3, 1)]
    assert desk.transactions == 1


def test_a_document_is_told_with_the_figures_of_its_pages(desk: Desk) -> None:
    pages = [
        PageResult(1, "succeeded", "ocr", mean_confidence=90.0, weak_word_share=0.0, word_count=300, duration_ms=1500),
        PageResult(2, "succeeded", "cache", mean_confidence=50.0, weak_word_share=0.6, word_count=100, duration_ms=800),
        PageResult(3, "succeeded", "text_layer", word_count=1000, duration_ms=20),
        PageResult(4, "skipped"),
    ]
    desk.batch.document(DOCUMENT, pages)
    desk.batch.flush()
    counts = {"ocr": 1, "cache": 1, "text_layer": 1, "skipped": 1}
    assert desk.messages == [Advanced(ended=[EndedDocument("a.tiff", None, counts, 1.52, 80.0, 1)])]


def test_what_was_put_away_is_not_put_away_again(desk: Desk) -> None:
    desk.batch.page(page(1))
    desk.batch.flush()
    desk.batch.flush()
    assert (len(desk.told), desk.transactions) == (1, 1)
    desk.batch.page(page(2))
    desk.batch.flush()
    assert [message.pages for message in desk.messages if isinstance(message, Advanced)] == [{"ocr": 1}, {"ocr": 1}]


def test_a_lone_page_is_stored_and_told_as_soon_as_there_is_nothing_else_to_do(desk: Desk) -> None:
    desk.batch.page(page(1))
    desk.batch.flush()
    assert [(pages, documents) for _, pages, documents in desk.told] == [(1, 0)]


def test_a_transaction_has_no_more_than_five_thousand_rows(desk: Desk) -> None:
    for number in range(1, 10_003):
        desk.batch.page(page(number, source="cache", because=None))
    assert (desk.transactions, [pages for _, pages, _ in desk.told]) == (2, [5000, 10_000])
    desk.batch.document(DOCUMENT, [])
    desk.batch.flush()
    assert (desk.transactions, [pages for _, pages, _ in desk.told]) == (3, [5000, 10_000, 10_002])
    assert sum(message.pages["cache"] for message in desk.messages if isinstance(message, Advanced)) == 10_002


def test_pages_and_documents_together_fill_a_transaction(desk: Desk) -> None:
    for number in range(2500):
        desk.batch.page(page(1, document=f"{number}.png"))
        desk.batch.document(StoredDocument(f"{number}.png", "b10b", "books", ResultStatus.SUCCEEDED, 1, None), [])
    assert {(pages, documents) for _, pages, documents in desk.told} == {(2500, 2500)}
    told = [[document.path for document in one.ended] for one in desk.messages if isinstance(one, Advanced)]
    assert list(chain.from_iterable(told)) == [f"{number}.png" for number in range(2500)]
    assert max(map(len, told)) == 20, "each message is one that the pipe takes as a whole"


def test_large_pages_are_not_gathered_for_long(desk: Desk) -> None:
    words = "word " * 1_000_000
    for number in range(1, 10):
        desk.batch.page(page(number, text=words, master=words))
    assert [pages for _, pages, _ in desk.told] == [2, 4, 6, 8]


def test_pages_that_the_attempt_has_already_are_told_and_not_stored_again(desk: Desk) -> None:
    desk.batch.page_kept(PageResult(1, "succeeded", "text_layer", because="new"))
    desk.batch.flush()
    assert desk.messages == [Advanced(pages={"text_layer": 1}, because={"new": 1}, ended=[])]
    assert desk.transactions == 0


def test_that_a_document_has_told_its_pages_is_said_without_a_row(desk: Desk) -> None:
    desk.batch.opened(40)
    desk.batch.flush()
    assert desk.messages == [Advanced(documents_opened=1, pages_found=40, ended=[])]
    assert desk.transactions == 0


def test_who_lost_the_run_tells_nothing(desk: Desk) -> None:
    desk.batch.page(page(1))
    desk.store.take_over(AttemptKey(7, "a", 1, 2), "owner")
    with pytest.raises(FencedOut):
        desk.batch.flush()
    assert desk.told == []
    assert desk.store.tally(7, 1).total == 0
