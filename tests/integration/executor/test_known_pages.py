"""What attempts take from the page cache and put into it, and what they say about the rest."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from supervisor.executor.messages import Finished, Start
from supervisor.model.states import RunStatus

Bench = Any  # the classes stand in conftest.py, which importlib mode keeps from being imported
Started = Any


@pytest.fixture
def night(bench: Bench, start_executor: Callable[[Start], Started], tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Perform another attempt at the run; return its pages' sources and reasons, by document."""
    terms = iter(range(1, 100))

    def perform(*, before: Callable[[], object] = lambda: None, **options: Any) -> dict[str, Any]:
        term = next(terms)
        start = bench.start(**{"attempt": term, "term": term, "cache": tmp_path / "cache", **options})
        before()
        started = start_executor(start)
        started.listen_to_the_end()
        assert started.executor.reap() is None
        started.release()
        assert isinstance(started.heard[-1], Finished)
        failed = started.heard[-1].status is RunStatus.FAILED
        pages, documents, tally = bench.stored()
        assert failed == any(document.status == "failed" for document in documents)
        assert started.told() == +Counter(tally.by_source())
        return {page.document: (page.source, page.because) for page in pages}

    return perform


def test_a_second_attempt_reads_nothing_that_is_known(bench: Bench, night: Callable[..., dict[str, Any]]) -> None:
    bench.draw("a.png", lines=1)
    bench.draw("b.png", lines=2)
    assert night() == {"a.png": ("ocr", "new"), "b.png": ("ocr", "new")}

    def remove() -> None:
        for name in ("a.png", "b.png"):
            (bench.workspace / name).unlink()

    assert night(before=remove) == {"a.png": ("cache", None), "b.png": ("cache", None)}
    assert (bench.run.staging(2) / "output/b.png.txt").read_text() == (
        bench.run.staging(1) / "output/b.png.txt"
    ).read_text()
    assert len(bench.trace("page_reused")) == 2
    assert bench.trace("page_recognised") == []


def test_why_a_page_had_to_be_recognised(bench: Bench, night: Callable[..., dict[str, Any]]) -> None:
    bench.draw("a.png", lines=1)
    bench.draw("b.png", lines=2)
    night()
    bench.draw("b.png", lines=3)
    bench.draw("c.png", lines=4)
    assert night() == {"a.png": ("cache", None), "b.png": ("ocr", "changed"), "c.png": ("ocr", "new")}
    reasons = {line["document"]: line["because"] for line in bench.trace("page_recognised")}
    assert reasons == {"b.png": "changed", "c.png": "new"}
    assert bench.stored()[2].because == {"changed": 1, "new": 1}
    for name in ("b.png", "c.png"):
        (bench.workspace / name).unlink()
    assert night(page_segmentation=6) == {"a.png": ("ocr", "other settings")}
    assert night(page_segmentation=6, formats=["txt"]) == {"a.png": ("cache", None)}


def test_without_a_cache_all_is_recognised_and_nothing_kept(
    bench: Bench, night: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    bench.draw("a.png")
    bench.draw("copy.png")
    for _ in range(2):
        assert night(cache=None) == {"a.png": ("ocr", None), "copy.png": ("ocr", None)}
    assert not (tmp_path / "cache").exists()
    assert sorted(night().values()) == [("cache", None), ("ocr", "new")]


def test_links_are_known_by_what_they_lead_to(bench: Bench, night: Callable[..., dict[str, Any]]) -> None:
    for folder, lines in (("one", 1), ("two", 2)):
        bench.draw(f"{folder}/page.png", lines=lines)
        (bench.workspace / folder / "link.png").symlink_to("page.png")
    for _ in range(2):
        night()
        texts = {page.document: page.text for page in bench.stored_pages()}
        assert texts["one/link.png"] == texts["one/page.png"]
        assert texts["two/link.png"] == texts["two/page.png"]
        assert texts["one/link.png"] != texts["two/link.png"]


def test_a_document_that_failed_is_tried_again(bench: Bench, night: Callable[..., dict[str, Any]]) -> None:
    bench.draw("a.png")
    whole = (bench.workspace / "a.png").read_bytes()
    (bench.workspace / "a.png").write_bytes(whole[:600])
    for _ in range(2):
        assert night() == {}
    (bench.workspace / "a.png").write_bytes(whole)
    assert night() == {"a.png": ("ocr", "changed")}
