from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from supervisor.model.states import ResultStatus
from supervisor.store.engine import open_engine, transaction
from supervisor.store.results import AttemptKey, FencedOut, PageTally, ResultStore, StoredDocument, StoredPage
from supervisor.store.tables import pages

KEY = AttemptKey(run=7, run_id="a", attempt=1, lease_term=1)
OWNER = "7 2026-05-01T12:00:00+00:00"
DOCUMENTS = [StoredDocument(path, "b10b", "books", None, None, None) for path in ("a.tiff", "b.pdf")]
PAGE = StoredPage(
    "a.tiff", 1, ResultStatus.SUCCEEDED, "ocr", "Grüße\n", 91.5, 60.0, 0.25, 1, 812, None, "level\tüber\n"
)


@pytest.fixture
def store(database_url: str) -> Iterator[ResultStore]:
    opened = ResultStore(database_url)
    assert opened.take_over(KEY, OWNER)
    opened.begin(KEY, DOCUMENTS)
    yield opened
    opened.close()


def writes(store: ResultStore, key: AttemptKey) -> list[Callable[[], object]]:
    return [
        lambda: store.begin(key, [replace(DOCUMENTS[0], path="late.png")]),
        lambda: store.store_page(key, replace(PAGE, text="late")),
        lambda: store.finish_document(key, "a.tiff", ResultStatus.FAILED, 1, "late"),
    ]


def everything(store: ResultStore) -> object:
    return store.documents(7, 1), store.finished_pages(KEY), store.tally(7, 1)


def test_an_older_term_writes_nothing(store: ResultStore) -> None:
    store.store_page(KEY, PAGE)
    before = everything(store)
    assert not store.take_over(replace(KEY, lease_term=2), OWNER)
    for write in writes(store, KEY):
        with pytest.raises(FencedOut):
            write()
    assert everything(store) == before
    for write in writes(store, replace(KEY, lease_term=2)):
        write()
    assert everything(store) != before


def test_without_a_term_nobody_writes(database_url: str) -> None:
    store = ResultStore(database_url)
    for write in writes(store, replace(KEY, lease_term=0)):
        with pytest.raises(FencedOut):
            write()
    store.close()


def test_one_term_writes_at_a_time(store: ResultStore) -> None:
    # A lower one comes with a new control database, whose terms begin anew.
    for current in (3, 3, 2):
        store.take_over(replace(KEY, lease_term=current), OWNER)
        for term in {1, 2, 3, 4} - {current}:
            with pytest.raises(FencedOut):
                store.store_page(replace(KEY, lease_term=term), PAGE)
        store.store_page(replace(KEY, lease_term=current), PAGE)


def test_what_another_owner_left_under_the_number_of_an_attempt_goes(store: ResultStore) -> None:
    store.store_page(KEY, PAGE)
    other = replace(KEY, attempt=2)
    assert store.take_over(other, "8 2026-05-02")
    store.begin(other, DOCUMENTS)
    store.store_page(other, PAGE)
    assert not store.take_over(replace(other, lease_term=2), "8 2026-05-02")
    assert store.finished_pages(KEY) == {"a.tiff": [PAGE]}
    # The control database was deleted: numbers and terms begin anew.
    assert store.take_over(KEY, "7 2026-06-01")
    assert store.documents(7, 1) == []
    assert store.finished_pages(KEY) == {}
    assert store.finished_pages(other) == {"a.tiff": [PAGE]}
    assert store.documents(7, 2) == DOCUMENTS


def test_a_term_set_by_somebody_else_counts_at_once(store: ResultStore, database_url: str) -> None:
    other = ResultStore(database_url)
    other.take_over(replace(KEY, lease_term=2), OWNER)
    other.close()
    with pytest.raises(FencedOut):
        store.store_page(KEY, PAGE)


def test_an_attempt_that_goes_on_keeps_its_documents(store: ResultStore) -> None:
    store.finish_document(KEY, "a.tiff", ResultStatus.SUCCEEDED, 3, None)
    store.begin(KEY, DOCUMENTS)
    assert store.documents(7, 1) == [
        replace(DOCUMENTS[0], status=ResultStatus.SUCCEEDED, page_count=3),
        DOCUMENTS[1],
    ]


def test_attempts_and_runs_are_kept_apart(store: ResultStore) -> None:
    store.store_page(KEY, PAGE)
    for key in (replace(KEY, attempt=2), replace(KEY, run=8)):
        assert store.take_over(key, f"another {key}")
        assert store.finished_pages(key) == {}
        store.begin(key, DOCUMENTS[:1])
        store.store_page(key, replace(PAGE, text="another"))
        assert [page.text for page in store.finished_pages(key)["a.tiff"]] == ["another"]
        store.finish_document(key, "a.tiff", ResultStatus.FAILED, 1, "another")
    assert store.finished_pages(KEY) == {"a.tiff": [PAGE]}
    assert store.documents(7, 1) == DOCUMENTS


def test_pages_that_failed_are_done_again(store: ResultStore) -> None:
    failed = replace(PAGE, status=ResultStatus.FAILED, source=None, text="", error="tesseract was killed", master="")
    store.store_page(KEY, failed)
    store.store_page(KEY, replace(PAGE, page_number=2, status=ResultStatus.SKIPPED, source=None))
    assert store.finished_pages(KEY) == {}
    assert store.tally(7, 1).failed == 1
    store.store_page(KEY, PAGE)
    assert store.finished_pages(KEY) == {"a.tiff": [PAGE]}
    assert store.tally(7, 1) == PageTally(total=2, ocr=1, text_layer=0, cache=0, blank=0, failed=0, skipped=1)


def test_pages_are_counted_by_what_they_are(store: ResultStore) -> None:
    assert store.tally(7, 1) == PageTally(0, 0, 0, 0, 0, 0, 0)
    kinds: list[tuple[ResultStatus, str | None]] = [
        *((ResultStatus.SUCCEEDED, source) for source in ("ocr", "ocr", "text_layer", "cache", "blank")),
        *((status, None) for status in (ResultStatus.FAILED, ResultStatus.SKIPPED)),
    ]
    for number, (status, source) in enumerate(kinds, start=1):
        store.store_page(KEY, replace(PAGE, page_number=number, status=status, source=source))
    expected = PageTally(total=7, ocr=2, text_layer=1, cache=1, blank=1, failed=1, skipped=1)
    assert store.tally(7, 1) == expected
    assert store.tally(7, 2).total == store.tally(8, 1).total == 0


def test_pages_come_in_order(store: ResultStore) -> None:
    for number in (10, 2, 1):
        store.store_page(KEY, replace(PAGE, page_number=number))
    store.store_page(KEY, replace(PAGE, document="b.pdf"))
    found = store.finished_pages(KEY)
    assert [page.page_number for page in found["a.tiff"]] == [1, 2, 10]
    assert [page.page_number for page in found["b.pdf"]] == [1]


def test_the_columns_name_run_and_attempt(store: ResultStore, database_url: str) -> None:
    store.store_page(KEY, PAGE)
    engine = open_engine(database_url)
    with transaction(engine) as connection:
        row = connection.execute(sa.select(pages)).one()
    engine.dispose()
    assert (row.run, row.run_id, row.attempt, row.mean_confidence) == (7, "a", 1, 91.5)
    assert PAGE.master.encode() not in row.master  # compressed


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=60)


@settings(max_examples=30, deadline=None)
@given(text=TEXT, master=TEXT, share=st.none() | st.floats(0, 1))
def test_pages_come_back_as_they_went_in(
    new_database_url: Callable[[], str], text: str, master: str, share: float | None
) -> None:
    store = ResultStore(new_database_url())
    store.take_over(KEY, OWNER)
    page = replace(PAGE, text=text, master=master, weak_word_share=share)
    store.store_page(KEY, page)
    assert store.finished_pages(KEY) == {"a.tiff": [page]}
    store.close()
