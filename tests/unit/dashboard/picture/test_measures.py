from dataclasses import replace

import pytest

from supervisor.board.counts import DocumentCounts, PageCounts
from supervisor.board.views import SessionProgress
from supervisor.dashboard.picture.measures import pages_measure, session_measure, shown_pages
from supervisor.model.states import SessionStatus
from support.overviews import a_night

NIGHT = a_night().sessions[0]


@pytest.mark.parametrize(
    ("pages", "documents", "percent"),
    [
        (PageCounts(), DocumentCounts(), ""),
        (PageCounts(), DocumentCounts(total=4), "0%"),
        # Documents that could not be opened are done, too.
        (PageCounts(), DocumentCounts(total=4, done=1, failed=1), "25%"),
        (PageCounts(found=10, ocr=5), DocumentCounts(total=4, opened=4, done=1), "50%"),
        # The two that were not opened yet may have as many pages as the others.
        (PageCounts(found=10, ocr=5), DocumentCounts(total=4, opened=2, done=1), "25%"),
        (PageCounts(found=1000, ocr=999), DocumentCounts(total=4, opened=4, done=3), "99%"),
        (PageCounts(found=10, ocr=9), DocumentCounts(total=4, opened=3, done=4, failed=1), "100%"),
    ],
)
def test_pages_are_measured_by_what_there_will_be(pages: PageCounts, documents: DocumentCounts, percent: str) -> None:
    assert pages_measure(pages, documents).percent == percent


def test_what_is_told_of_a_session_goes_before_its_runs() -> None:
    assert session_measure(NIGHT).percent == "21%"
    assert session_measure(replace(NIGHT, progress=SessionProgress(3, 4, None))).percent == "75%"
    assert session_measure(replace(NIGHT, progress=SessionProgress(3, None, "sorting"))).percent == "21%"
    assert session_measure(replace(NIGHT, status=SessionStatus.COMPLETED)).percent == "100%"


def test_a_plus_says_that_more_pages_may_come() -> None:
    some, all_of_them = DocumentCounts(total=4, opened=2), DocumentCounts(total=4, opened=4)
    pages = PageCounts(found=1204, ocr=512)
    assert shown_pages(pages, some, may_grow=True) == "512/1,204+"
    assert shown_pages(pages, some, may_grow=False) == "512/1,204"
    assert shown_pages(pages, all_of_them, may_grow=True) == "512/1,204"
    assert shown_pages(PageCounts(), some, may_grow=True) == ""
