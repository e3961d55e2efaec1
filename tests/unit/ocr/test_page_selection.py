import pytest

from supervisor.ocr.errors import DocumentError
from supervisor.ocr.jobs.page_selection import parse_pages, select_pages


@pytest.mark.parametrize(
    ("selection", "wanted"),
    [(None, {1, 2, 3, 4}), ("2", {2}), ("1-2,4", {1, 2, 4}), ("3-", {3, 4}), (" 1 - 2 , 2", {1, 2})],
)
def test_selection(selection: str | None, wanted: set[int]) -> None:
    assert select_pages(selection, 4) == wanted


@pytest.mark.parametrize("selection", ["5", "2-5", "5-", "1-999999999"])
def test_beyond_the_end(selection: str) -> None:
    with pytest.raises(DocumentError, match="the document has 4 pages"):
        select_pages(selection, 4)


@pytest.mark.parametrize("selection", ["", "0", "-3", "1,,2", "3-1", "a", "1-2-3", "٣", "1.5"])
def test_nonsense(selection: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        parse_pages(selection)
