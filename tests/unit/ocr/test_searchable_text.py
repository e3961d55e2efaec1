# ruff: noqa: RUF001 - letters of many alphabets, some of them alike, are what is written here
import io
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pymupdf
import pytest

from supervisor.ocr.layout import Block, Box, Line, PageLayout, Paragraph, Word
from supervisor.ocr.searchable.overlay import lay_text

pytestmark = pytest.mark.skipif(shutil.which("pdftotext") is None, reason="poppler-utils is not installed")


def line(*words: tuple[str, tuple[int, int, int, int]], angle: int = 0, baseline: tuple[float, float] = (0, 0)) -> Line:
    boxes = [Box(*box) for _, box in words]
    around = Box(
        min(box.left for box in boxes),
        min(box.top for box in boxes),
        max(box.right for box in boxes),
        max(box.bottom for box in boxes),
    )
    placed = tuple(Word(text, box, 90) for (text, _), box in zip(words, boxes, strict=True))
    return Line(around, placed, baseline=baseline, x_size=40, angle=angle)


def layout(*lines: Line, size: tuple[int, int] = (800, 1200)) -> PageLayout:
    whole = Box(0, 0, *size)
    return PageLayout(*size, 144, (Block(whole, (Paragraph(whole, lines),)),))


def with_text(page: Any, text: PageLayout, tmp_path: Path) -> Path:
    file = tmp_path / "text.pdf"
    lay_text(page.parent, {page.number: text})
    page.parent.save(file)
    return file


def text_of(file: Path, *options: str) -> list[str]:
    done = subprocess.run(["pdftotext", *options, file, "-"], capture_output=True, text=True, check=True)
    # Poppler marks text that goes from right to left.
    kept = done.stdout.translate(dict.fromkeys(map(ord, "\u202a\u202b\u202c\f")))
    return [text.strip() for text in kept.splitlines() if text.strip()]


def boxes_of(file: Path) -> list[tuple[str, tuple[float, ...]]]:
    """Return the words that poppler finds, with boxes in pixels of the layout."""
    done = subprocess.run(["pdftotext", "-bbox", "-cropbox", file, "-"], capture_output=True, text=True, check=True)
    found = re.findall(r'<word xMin="(.+?)" yMin="(.+?)" xMax="(.+?)" yMax="(.+?)">(.*?)</word>', done.stdout)
    return [(text, tuple(2 * float(value) for value in box)) for *box, text in found]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(["The", "ﬁnal", "æther"], "The ﬁnal æther", id="latin and ligatures"),
        pytest.param(["Ωμέγα", "και"], "Ωμέγα και", id="greek"),
        pytest.param(["Слово", "ёж"], "Слово ёж", id="cyrillic"),
        pytest.param(["漢字", "かな"], "漢字 かな", id="cjk"),
        pytest.param(["𠀀𠀁", "𝒜"], "𠀀𠀁 𝒜", id="beyond the basic plane"),
    ],
)
def test_every_script_is_found(text: list[str], expected: str, tmp_path: Path) -> None:
    words = [(word, (100 + 200 * index, 100, 280 + 200 * index, 140)) for index, word in enumerate(text)]
    file = with_text(pymupdf.open().new_page(width=400, height=600), layout(line(*words)), tmp_path)
    assert text_of(file) == [expected]
    with pymupdf.open(file) as pdf:
        assert [word[4] for word in pdf[0].get_text("words")] == text


@pytest.mark.parametrize("text", [["שלום", "עולם"], ["السلام", "عليكم"], ["א1200ב", "כאן"]])
def test_text_that_goes_from_right_to_left(text: list[str], tmp_path: Path) -> None:
    words = [(word, (600 - 150 * index, 100, 720 - 150 * index, 140)) for index, word in enumerate(text)]
    file = with_text(pymupdf.open().new_page(width=400, height=600), layout(line(*words)), tmp_path)
    assert text_of(file) == [" ".join(text)]


def displayed_page(rotation: int, *, crop: bool = False, unit: int = 1) -> Any:
    """A page that is displayed 400 by 600 points, however it is made up."""
    on_its_side = rotation in {90, 270}
    width, height = ((600, 400) if on_its_side else (400, 600)) if unit == 1 else (200, 300)
    pdf = pymupdf.open()
    if crop:
        page = pdf.new_page(width=width + 70, height=height + 90)
        pdf.xref_set_key(page.xref, "MediaBox", f"[-30 -40 {width + 40} {height + 50}]")
        pdf.xref_set_key(page.xref, "CropBox", f"[-20 -10 {width - 20} {height - 10}]")
    else:
        page = pdf.new_page(width=width, height=height)
    if unit != 1:
        pdf.xref_set_key(page.xref, "UserUnit", str(unit))
    if rotation:
        pdf.xref_set_key(page.xref, "Rotate", str(rotation))
    return pymupdf.open("pdf", io.BytesIO(pdf.tobytes()))[0]


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize(("crop", "unit"), [(False, 1), (True, 1)])
def test_words_lie_on_the_displayed_page(rotation: int, crop: bool, unit: int, tmp_path: Path) -> None:
    page = displayed_page(rotation, crop=crop, unit=unit)
    assert (page.rect.width, page.rect.height) == (400, 600)
    wanted = {"first": (100, 200, 240, 240), "second": (300, 200, 500, 240)}
    file = with_text(page, layout(line(*wanted.items(), baseline=(0, -8))), tmp_path)
    found = dict(boxes_of(file))
    assert set(found) == set(wanted)
    for text, box in wanted.items():
        assert found[text] == pytest.approx(box, abs=4)
    with pymupdf.open(file) as pdf:
        assert pdf[0].rotation == rotation


def test_words_on_a_page_with_a_unit_of_its_own(tmp_path: Path) -> None:
    page = displayed_page(0, unit=2)
    assert (page.rect.width, page.rect.height) == (400, 600)
    file = with_text(page, layout(line(("first", (100, 200, 240, 240)))), tmp_path)
    # Poppler knows no UserUnit.
    with pymupdf.open(file) as pdf:
        ((left, top, right, bottom, text, *_),) = pdf[0].get_text("words")
    assert text == "first"
    assert (left, right) == pytest.approx((50, 120), abs=0.5)
    assert 85 < top < bottom < 130


@pytest.mark.parametrize(
    ("angle", "first", "second"),
    [
        (90, (100, 500, 140, 700), (100, 200, 140, 480)),
        (180, (300, 100, 500, 140), (100, 100, 280, 140)),
        (270, (100, 200, 140, 480), (100, 500, 140, 700)),
        # Tesseract reads upended lines from top to bottom, and does not say that they are.
        (0, (100, 200, 140, 480), (100, 500, 140, 700)),
    ],
)
def test_lines_that_are_turned(angle: int, first: tuple[int, ...], second: tuple[int, ...], tmp_path: Path) -> None:
    text = line(("first", first), ("second", second), angle=angle)  # type: ignore[arg-type]
    file = with_text(pymupdf.open().new_page(width=400, height=600), layout(text), tmp_path)
    assert " ".join(text_of(file)) == "first second"
    for (_, found), box in zip(boxes_of(file), (first, second), strict=True):
        assert found == pytest.approx(box, abs=5)


def test_words_stay_whole_on_a_slanting_line_and_apart_where_boxes_touch(tmp_path: Path) -> None:
    slanting = line(
        ("automatically", (100, 100, 400, 150)), ("synchronised", (420, 110, 700, 160)), baseline=(0.03, -25)
    )
    touching = line(("pre", (100, 300, 160, 340)), ("fixed", (158, 300, 300, 340)), baseline=(0, -8))
    file = with_text(pymupdf.open().new_page(width=400, height=600), layout(slanting, touching), tmp_path)
    assert text_of(file, "-raw") == ["automatically synchronised", "pre fixed"]
    assert text_of(file) == ["automatically synchronised", "pre fixed"]


def test_the_text_is_invisible_and_heeds_no_state_of_the_page(tmp_path: Path) -> None:
    page = pymupdf.open().new_page(width=400, height=600)
    page.insert_text((50, 500), "visible")
    before = page.get_pixmap().samples
    # Never restored.
    page.parent.update_stream(page.get_contents()[0], b"5 0 0 5 99 99 cm q " + page.read_contents())
    disturbed = page.get_pixmap().samples
    file = with_text(page, layout(line(("hidden", (100, 200, 240, 240)))), tmp_path)
    assert before != disturbed
    with pymupdf.open(file) as pdf:
        assert pdf[0].get_pixmap().samples == disturbed
        assert {span["type"] for span in pdf[0].get_texttrace() if span["font"] == "OpticalText"} == {3}
    assert dict(boxes_of(file))["hidden"][0] == pytest.approx(100, abs=0.5)


def test_pages_that_share_their_resources_share_the_font() -> None:
    pdf = pymupdf.open()
    for _ in range(2):
        pdf.new_page(width=400, height=600).insert_text((50, 500), "visible")
    pdf.xref_set_key(pdf[1].xref, "Resources", pdf.xref_get_key(pdf[0].xref, "Resources")[1])
    text = layout(line(("hidden", (100, 200, 240, 240))))
    lay_text(pdf, {0: text, 1: text})
    lay_text(pdf, {0: layout(line(("again", (100, 300, 240, 340))))})
    assert sorted(pdf[0].get_text().split()) == ["again", "hidden", "visible"]
    assert sorted(pdf[1].get_text().split()) == ["hidden", "visible"]
