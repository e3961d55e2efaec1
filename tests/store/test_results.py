"""What is stored of an attempt, in a database of the run's own and in one that all runs share."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import Engine

from supervisor.model.states import ResultStatus, RunStatus
from supervisor.model.weakness import is_weak
from supervisor.store import claims, runs, sessions
from supervisor.store.engine import open_engine, transaction
from supervisor.store.results import AttemptKey, FencedOut, PageTally, ResultStore, StoredDocument, StoredPage
from supervisor.store.schema import prepare_control, prepare_results
from supervisor.store.tables import pages
from supervisor.store.tables import runs as table
from supervisor.store.urls import sqlite_url
from support.clocks import BEGIN, HandClock

OWNER = "7 2026-05-01T12:00:00+00:00"
PATHS = ["a.tiff", "b.pdf"]
DOCUMENTS = [StoredDocument(path, "b10b", "books", None, None, None) for path in ("a.tiff", "b.pdf")]
PAGE = StoredPage(
    "a.tiff",
    1,
    ResultStatus.SUCCEEDED,
    "ocr",
    "Grüße\n",
    91.5,
    60.0,
    0.0,
    1,
    812,
    None,
    "k3y",
    "changed",
    "<div>über</div>\n",
)


@dataclass
class Place:
    """An attempt that has begun, and where its results go.

    Attributes:
        control: Where the rows of `runs` are that are the fence; None if the database is the run's own.
    """

    url: str
    store: ResultStore
    key: AttemptKey
    control: Engine | None

    def next_term(self) -> AttemptKey:
        """Return the key of who claims the run after its present holder was lost."""
        if self.control is None:
            return replace(self.key, lease_term=self.key.lease_term + 1)
        with transaction(self.control) as connection:
            row = runs.get(connection, self.key.run)
            runs.transition(connection, row, RunStatus.QUEUED, at=BEGIN, actor="x", event="rescued")
            return key_of(claims.claim(connection, "w2", HandClock()))

    def another_attempt(self) -> AttemptKey:
        """Return the key of a later attempt at the same run."""
        key = replace(self.next_term(), attempt=self.key.attempt + 1)
        if self.control is not None:
            with transaction(self.control) as connection:
                connection.execute(sa.update(table).where(table.c.id == key.run).values(attempt=key.attempt))
        return key

    def another_run(self) -> AttemptKey:
        return replace(self.key, run=8) if self.control is None else claim_another(self.control, "b")


def key_of(row: runs.RunRow | None) -> AttemptKey:
    assert row is not None
    return AttemptKey(row.id, row.run_id, row.attempt, row.lease_term)


def claim_another(control: Engine, run_id: str) -> AttemptKey:
    common = {"commit_sha": "c0ffee", "repository": "repo", "requested_by": "anna", "served_by": None}
    with transaction(control) as connection:
        runs.add(connection, runs.NewRun(run_id=run_id, session_id="s", spec={}, **common), at=BEGIN)
        return key_of(claims.claim(connection, "w1", HandClock()))


@pytest.fixture(params=["own", "shared sqlite", "shared postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    control: Engine | None = None
    match request.param:
        case "own":
            url, key = sqlite_url(tmp_path / "a.db"), AttemptKey(run=7, run_id="a", attempt=1, lease_term=1)
        case kind:
            is_sqlite = kind == "shared sqlite"
            url = sqlite_url(tmp_path / "control.db") if is_sqlite else request.getfixturevalue("postgres_url")
            control = open_engine(url)
            prepare_control(control)
            prepare_results(control)
            with transaction(control) as connection:
                sessions.add(connection, "s", "night", at=BEGIN)
            key = claim_another(control, "a")
    store = ResultStore(url, shared=control is not None)
    assert store.take_over(key, OWNER)
    store.begin(key, DOCUMENTS)
    yield Place(url, store, key, control)
    store.close()
    if control is not None:
        control.dispose()


def finished(status: ResultStatus, page_count: int, error: str | None) -> StoredDocument:
    return replace(DOCUMENTS[0], status=status, page_count=page_count, error=error)


def writes(store: ResultStore, key: AttemptKey) -> list[Callable[[], object]]:
    return [
        lambda: store.begin(key, [replace(DOCUMENTS[0], path="late.png")]),
        lambda: store.store(key, [replace(PAGE, text="late")], []),
        lambda: store.store(key, [], [finished(ResultStatus.FAILED, 1, "late")]),
    ]


def everything(place: Place) -> object:
    store, key = place.store, place.key
    return store.documents(key.run, 1), store.finished_pages(key, PATHS), store.tally(key.run, 1)


def test_an_older_term_writes_nothing(place: Place) -> None:
    place.store.store(place.key, [PAGE], [])
    before = everything(place)
    newer = place.next_term()
    assert not place.store.take_over(newer, OWNER)
    for write in writes(place.store, place.key):
        with pytest.raises(FencedOut):
            write()
    assert everything(place) == before
    for write in writes(place.store, newer):
        write()
    assert everything(place) != before


def test_a_term_that_nobody_has_yet_writes_nothing(place: Place) -> None:
    before = everything(place)
    for write in writes(place.store, replace(place.key, lease_term=place.key.lease_term + 1)):
        with pytest.raises(FencedOut):
            write()
    assert everything(place) == before


def test_a_term_set_by_somebody_else_counts_at_once(place: Place) -> None:
    newer = place.next_term()
    other = ResultStore(place.url, shared=place.control is not None)
    other.take_over(newer, OWNER)
    other.close()
    with pytest.raises(FencedOut):
        place.store.store(place.key, [PAGE], [])


def test_pages_and_documents_are_stored_together_or_not_at_all(place: Place) -> None:
    store, key, done = place.store, place.key, finished(ResultStatus.SUCCEEDED, 2, None)
    before = everything(place)
    with pytest.raises(sa.exc.IntegrityError):
        store.store(key, [PAGE], [replace(done, job=None)])  # type: ignore[arg-type]  # what no database takes
    assert everything(place) == before
    store.store(key, [PAGE, replace(PAGE, page_number=2)], [done])
    assert store.finished_pages(key, PATHS) == {"a.tiff": [PAGE, replace(PAGE, page_number=2)]}
    assert store.documents(key.run, 1) == [done, DOCUMENTS[1]]


def test_what_is_stored_again_replaces_what_was_there(place: Place) -> None:
    store, key, later = place.store, place.key, replace(PAGE, text="later", because="new", page_key=None)
    store.store(key, [PAGE], [finished(ResultStatus.FAILED, 1, "too dark")])
    store.store(key, [later], [finished(ResultStatus.SUCCEEDED, 1, None)])
    assert store.finished_pages(key, PATHS) == {"a.tiff": [later]}
    assert store.documents(key.run, 1)[0] == finished(ResultStatus.SUCCEEDED, 1, None)


def test_an_attempt_that_goes_on_keeps_its_documents(place: Place) -> None:
    place.store.store(place.key, [], [finished(ResultStatus.SUCCEEDED, 3, None)])
    place.store.begin(place.key, DOCUMENTS)
    assert place.store.documents(place.key.run, 1) == [
        replace(DOCUMENTS[0], status=ResultStatus.SUCCEEDED, page_count=3),
        DOCUMENTS[1],
    ]


def test_attempts_and_runs_are_kept_apart(place: Place) -> None:
    place.store.store(place.key, [PAGE], [])
    for key in (place.another_attempt(), place.another_run()):
        assert place.store.take_over(key, f"another {key}")
        assert place.store.finished_pages(key, PATHS) == {}
        place.store.begin(key, DOCUMENTS[:1])
        place.store.store(key, [replace(PAGE, text="another")], [])
        assert [page.text for page in place.store.finished_pages(key, PATHS)["a.tiff"]] == ["another"]
        place.store.store(key, [], [finished(ResultStatus.FAILED, 1, "another")])
    assert place.store.finished_pages(place.key, PATHS) == {"a.tiff": [PAGE]}
    assert place.store.documents(place.key.run, 1) == DOCUMENTS


def test_pages_that_failed_are_done_again(place: Place) -> None:
    store, key = place.store, place.key
    failed = replace(
        PAGE, status=ResultStatus.FAILED, source=None, text="", because=None, error="tesseract was killed", master=""
    )
    store.store(key, [failed], [])
    store.store(key, [replace(PAGE, page_number=2, status=ResultStatus.SKIPPED, source=None, because=None)], [])
    assert store.finished_pages(key, PATHS) == {}
    assert store.tally(key.run, 1).failed == 1
    store.store(key, [PAGE], [])
    assert store.finished_pages(key, PATHS) == {"a.tiff": [PAGE]}
    assert store.tally(key.run, 1) == PageTally(total=2, ocr=1, skipped=1, because={"changed": 1})


def test_pages_are_counted_by_what_they_are(place: Place) -> None:
    store, key = place.store, place.key
    assert store.tally(key.run, 1) == PageTally()
    kinds: list[tuple[ResultStatus, str | None]] = [
        *((ResultStatus.SUCCEEDED, source) for source in ("ocr", "ocr", "text_layer", "cache", "blank")),
        *((status, None) for status in (ResultStatus.FAILED, ResultStatus.SKIPPED)),
    ]
    reasons = iter(["new", "changed"])
    for number, (status, source) in enumerate(kinds, start=1):
        because = next(reasons) if source == "ocr" else None
        store.store(key, [replace(PAGE, page_number=number, status=status, source=source, because=because)], [])
    expected = PageTally(
        total=7, ocr=2, text_layer=1, cache=1, blank=1, failed=1, skipped=1, because={"new": 1, "changed": 1}
    )
    assert store.tally(key.run, 1) == expected
    assert store.tally(key.run, 1).by_source() == {
        "ocr": 2,
        "text_layer": 1,
        "cache": 1,
        "blank": 1,
        "failed": 1,
        "skipped": 1,
    }
    assert store.tally(key.run, 2).total == store.tally(key.run + 1, 1).total == 0


def test_pages_are_weak_from_a_quarter_of_weak_words_on_whatever_their_source(place: Place) -> None:
    sources, shares = ("ocr", "ocr", "cache", "ocr", "text_layer"), (0.25, 0.2499, 1.0, 0.0, None)
    for number, (source, share) in enumerate(zip(sources, shares, strict=True), start=1):
        place.store.store(place.key, [replace(PAGE, page_number=number, source=source, weak_word_share=share)], [])
    assert place.store.tally(place.key.run, 1).weak == sum(map(is_weak, shares)) == 2


def test_documents_and_pages_come_in_order(place: Place) -> None:
    store, key = place.store, place.key
    store.begin(key, [replace(DOCUMENTS[0], path=path) for path in ("Ä.tiff", "B.tiff", "a-b.tiff", "a/b.tiff")])
    paths = [document.path for document in store.documents(key.run, 1)]
    assert paths == ["B.tiff", "a-b.tiff", "a.tiff", "a/b.tiff", "b.pdf", "Ä.tiff"]
    for number in (10, 2, 1):
        store.store(key, [replace(PAGE, page_number=number)], [])
    store.store(key, [replace(PAGE, document="b.pdf")], [])
    found = store.finished_pages(key, PATHS)
    assert [page.page_number for page in found["a.tiff"]] == [1, 2, 10]
    assert [page.page_number for page in found["b.pdf"]] == [1]


def test_the_columns_name_run_and_attempt(place: Place) -> None:
    place.store.store(place.key, [PAGE], [])
    engine = open_engine(place.url)
    with transaction(engine) as connection:
        row = connection.execute(sa.select(pages)).one()
    engine.dispose()
    assert (row.run, row.run_id, row.attempt, row.mean_confidence) == (place.key.run, "a", 1, 91.5)
    assert PAGE.master.encode() not in row.master  # compressed


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=60)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=TEXT, master=TEXT, share=st.none() | st.floats(0, 1))
def test_pages_come_back_as_they_went_in(place: Place, text: str, master: str, share: float | None) -> None:
    page = replace(PAGE, text=text, master=master, weak_word_share=share)
    place.store.store(place.key, [page], [])
    assert place.store.finished_pages(place.key, PATHS) == {"a.tiff": [page]}


def test_what_cannot_be_stored_of_texts_and_errors_is_replaced(place: Place) -> None:
    store, key, words, stored = place.store, place.key, "a\0b \udcff\n", "a\N{REPLACEMENT CHARACTER}b \\udcff\n"
    store.store(key, [replace(PAGE, text=words, error=words)], [])
    assert store.finished_pages(key, PATHS) == {"a.tiff": [replace(PAGE, text=stored, error=stored)]}
    store.store(key, [], [finished(ResultStatus.FAILED, 1, words)])
    assert store.documents(key.run, 1)[0].error == stored


@pytest.fixture
def own(tmp_path: Path) -> Iterator[ResultStore]:
    """The database of a run of its own, which nobody has taken over yet."""
    store = ResultStore(sqlite_url(tmp_path / "a.db"), shared=False)
    yield store
    store.close()


KEY = AttemptKey(run=7, run_id="a", attempt=1, lease_term=1)


def test_without_a_term_nobody_writes(own: ResultStore) -> None:
    for write in writes(own, replace(KEY, lease_term=0)):
        with pytest.raises(FencedOut):
            write()


def test_one_term_writes_at_a_time(own: ResultStore) -> None:
    # A lower one comes with a new control database, whose terms begin anew.
    for current in (3, 3, 2):
        own.take_over(replace(KEY, lease_term=current), OWNER)
        for term in {1, 2, 3, 4} - {current}:
            with pytest.raises(FencedOut):
                own.store(replace(KEY, lease_term=term), [PAGE], [])
        own.store(replace(KEY, lease_term=current), [PAGE], [])


def test_what_another_owner_left_under_the_number_of_an_attempt_goes(own: ResultStore) -> None:
    assert own.take_over(KEY, OWNER)
    own.begin(KEY, DOCUMENTS)
    own.store(KEY, [PAGE], [])
    other = replace(KEY, attempt=2)
    assert own.take_over(other, "8 2026-05-02")
    own.begin(other, DOCUMENTS)
    own.store(other, [PAGE], [])
    assert not own.take_over(replace(other, lease_term=2), "8 2026-05-02")
    assert own.finished_pages(KEY, PATHS) == {"a.tiff": [PAGE]}
    # The control database was deleted: numbers and terms begin anew.
    assert own.take_over(KEY, "7 2026-06-01")
    assert own.documents(7, 1) == []
    assert own.finished_pages(KEY, PATHS) == {}
    assert own.finished_pages(other, ["a.tiff"]) == {"a.tiff": [PAGE]}
    assert own.documents(7, 2) == DOCUMENTS


def test_an_attempt_after_another_of_the_same_row_begins(own: ResultStore) -> None:
    assert own.take_over(KEY, OWNER)
    own.begin(KEY, DOCUMENTS)
    own.store(KEY, [PAGE], [])
    retry = replace(KEY, attempt=2, lease_term=2)
    assert own.take_over(retry, OWNER)
    own.begin(retry, DOCUMENTS)
    assert not own.take_over(replace(retry, lease_term=3), OWNER), "this one goes on"
    assert own.finished_pages(KEY, PATHS) == {"a.tiff": [PAGE]}
