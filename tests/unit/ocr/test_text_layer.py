import io
from collections.abc import Callable
from typing import Any

import pymupdf
import pytest
from PIL import Image, ImageDraw, ImageFont

from supervisor.ocr.documents.pdf import render_page
from supervisor.ocr.documents.text_layer import kept_layer, read_text_layer
from supervisor.ocr.jobs.job import Job
from supervisor.ocr.layout import PageLayout

PROSE = "Plenty of words stand on this page of prose. " * 30


def page_of(width: float = 400, height: float = 600) -> Any:
    return pymupdf.open().new_page(width=width, height=height)


def paste(page: Any, image: Image.Image, box: Any = None) -> None:
    stream = io.BytesIO()
    image.save(stream, "PNG")
    page.insert_image(box or page.rect, stream=stream.getvalue(), keep_proportion=False)


def print_lines(count: int, first: int = 0) -> Image.Image:
    image = Image.new("L", (800, 1200), 235)
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(size=22)
    for number in range(first, count):
        draw.text((60, 40 + 34 * number), "Printed words of a scanned page, in a line of it", font=font, fill=20)
    return image


def job(text_layer: str) -> Job:
    return Job.model_validate({"name": "a", "documents": ["*"], "text_layer": text_layer})


def words_of(layout: PageLayout | None) -> list[str]:
    assert layout is not None
    return [word.text for word in layout.words()]


def test_a_layer_as_layout() -> None:
    page = page_of()
    page.insert_text((72, 72), "First line\nsecond line")
    page.insert_text((72, 300), "Another block")
    layout = read_text_layer(page, 144)
    assert layout is not None
    assert (layout.width, layout.height, layout.dpi) == (800, 1200, 144)
    assert [[[word.text for word in line.words] for line in block.paragraphs[0].lines] for block in layout.blocks] == [
        [["First", "line"], ["second", "line"]],
        [["Another", "block"]],
    ]
    first = next(layout.words())
    assert first.confidence == 100
    assert first.box.left == 144
    assert first.box.top < 144 < first.box.bottom
    assert 30 < first.box.right - first.box.left < 60
    assert not layout.blocks[0].paragraphs[0].is_right_to_left


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_boxes_and_lines_lie_on_the_displayed_page(rotation: int) -> None:
    page = page_of()
    page.insert_text((72, 72), "Somewhere", fontsize=20)
    page.set_rotation(rotation)
    layout = read_text_layer(page, 72)
    assert layout is not None
    line = next(layout.lines())
    assert line.angle == -rotation % 360
    pixmap = render_page(page, 72)
    image = Image.frombytes("L", (pixmap.width, pixmap.height), pixmap.samples)
    assert image.size == (layout.width, layout.height)
    ink = image.point(lambda value: 255 if value < 128 else 0).getbbox()
    assert ink is not None
    box = line.words[0].box
    assert box.left - 1 <= ink[0] < ink[2] <= box.right + 1
    assert box.top - 1 <= ink[1] < ink[3] <= box.bottom + 1


def test_text_that_is_turned_on_the_page() -> None:
    page = page_of()
    page.insert_text((200, 300), "Upwards", rotate=90)
    layout = read_text_layer(page, 72)
    assert layout is not None
    assert next(layout.lines()).angle == 90


def test_no_text_no_layer() -> None:
    assert read_text_layer(page_of(), 300) is None


def test_skip_keeps_what_redo_replaces() -> None:
    page = page_of()
    paste(page, print_lines(30))
    page.insert_textbox(page.rect, PROSE, fontsize=11, render_mode=3)
    assert "Plenty" in words_of(kept_layer(page, job("skip"), 300))
    assert kept_layer(page, job("redo"), 300) is None
    assert kept_layer(page, job("force"), 300) is None


def test_redo_keeps_visible_text_alone() -> None:
    page = page_of()
    page.insert_text((72, 72), "Written by a word processor")
    page.insert_text((72, 300), "hidden", render_mode=3)
    assert words_of(kept_layer(page, job("redo"), 300)) == ["Written", "by", "a", "word", "processor"]
    assert kept_layer(page, job("force"), 300) is None


def test_a_stamp_on_a_scan_is_not_its_text() -> None:
    page = page_of()
    paste(page, Image.new("L", (800, 1200), 200))
    page.insert_text((150, 590), "page 17, downloaded by a reader", fontsize=8)
    assert read_text_layer(page, 300) is None


def header_on(picture: Image.Image) -> Any:
    page = page_of()
    paste(page, picture)
    page.insert_textbox(pymupdf.Rect(20, 10, 380, 160), PROSE[:500], fontsize=11, render_mode=3)
    return page


def test_a_layer_over_the_top_of_a_printed_page_is_not_its_text() -> None:
    assert read_text_layer(header_on(print_lines(34)), 300) is None


@pytest.mark.parametrize(
    "below",
    [
        pytest.param(lambda picture: picture, id="paper"),
        pytest.param(
            lambda picture: picture.paste(Image.radial_gradient("L").resize((700, 700)), (50, 420)), id="photo"
        ),
    ],
)
def test_a_layer_over_all_the_print_there_is_is_kept(below: Callable[[Image.Image], object]) -> None:
    picture = print_lines(9)
    below(picture)
    assert "Plenty" in words_of(read_text_layer(header_on(picture), 300))


def test_what_no_database_stores_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    page = page_of()
    box = (1.0, 1.0, 9.0, 9.0)
    characters = [{"c": character, "bbox": box} for character in "a\0b\ud800cd\x0ee"]
    line = {"dir": (1.0, 0.0), "spans": [{"alpha": 255, "chars": characters}]}
    monkeypatch.setattr(type(page), "get_text", lambda *_, **__: {"blocks": [{"lines": [line]}]})
    assert words_of(read_text_layer(page, 300)) == ["abcde"]
