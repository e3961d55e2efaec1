from supervisor.ocr.formats.remembered import RememberedPages
from supervisor.ocr.hocr import write_page
from supervisor.ocr.layout import PageLayout
from supervisor.ocr.results import PageResult


class Derivation:
    """Counts how often it had to be done."""

    def __init__(self) -> None:
        self.derived: list[tuple[int, int]] = []

    def __call__(self, layout: PageLayout, page_number: int) -> str:
        self.derived.append((layout.width, page_number))
        return f"{layout.width} as {page_number}"


def page(width: int, number: int = 1) -> PageResult:
    return PageResult(number, "succeeded", "ocr", master=write_page(PageLayout(width, 10, 300)))


def test_a_page_is_derived_once_for_every_number() -> None:
    derivation = Derivation()
    remembered = RememberedPages(derivation, str)
    assert [remembered(page(5)), remembered(page(5)), remembered(page(5, 2))] == ["5 as 1", "5 as 1", "5 as 2"]
    assert derivation.derived == [(5, 1), (5, 2)]


def test_a_page_without_a_master_is_spelled_by_its_number() -> None:
    derivation = Derivation()
    assert RememberedPages(derivation, lambda number: f"empty {number}")(PageResult(7, "failed")) == "empty 7"
    assert derivation.derived == []


def test_what_was_not_asked_for_the_longest_is_forgotten() -> None:
    derivation = Derivation()
    remembered = RememberedPages(derivation, str, most_bytes=500)  # room for two of these
    for width in (1, 2, 1, 3, 1, 2, 3):
        remembered(page(width))
    assert [width for width, _ in derivation.derived] == [1, 2, 3, 2, 3]


def test_a_page_that_is_too_large_is_derived_all_the_same() -> None:
    remembered = RememberedPages(Derivation(), str, most_bytes=1)
    assert [remembered(page(5)), remembered(page(5))] == ["5 as 1", "5 as 1"]
