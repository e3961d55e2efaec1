import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pymupdf
import pytest
from PIL import Image

from supervisor.ocr.errors import DocumentError
from supervisor.ocr.pdf import affordable_dpi, count_pdf_pages, native_dpi, render_page, silence_mupdf
from supervisor.ocr.text_layer import read_text_layer
from supervisor.ocr.tsv import rows

Picture = Callable[..., Image.Image]


def page_of(width: float = 400, height: float = 600) -> Any:
    return pymupdf.open().new_page(width=width, height=height)


def png(image: Image.Image) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


def scan(page: Any, pixels: tuple[int, int] = (800, 1200)) -> None:
    page.insert_image(page.rect, stream=png(Image.new("L", pixels, 200)), keep_proportion=False)


def test_a_scan_is_rendered_at_its_own_resolution() -> None:
    page = page_of(360, 720)
    scan(page, (1000, 2000))
    assert native_dpi(page, 300) == 200


@pytest.mark.parametrize(("pixels", "dpi"), [((100, 200), 150), ((8000, 16_000), 600)])
def test_within_bounds(pixels: tuple[int, int], dpi: int) -> None:
    page = page_of(360, 720)
    scan(page, pixels)
    assert native_dpi(page, 300) == dpi


def test_a_small_picture_does_not_set_the_resolution() -> None:
    page = page_of()
    page.insert_image(pymupdf.Rect(0, 0, 100, 100), stream=png(Image.new("L", (30, 30))))
    assert native_dpi(page, 300) == 300
    assert native_dpi(page_of(), 240) == 240


def test_resolution_is_lowered_to_the_limit() -> None:
    page = page_of(7200, 7200)
    assert affordable_dpi(page, 300, 100) == 100
    assert affordable_dpi(page, 300, 250) == 158
    with pytest.raises(DocumentError, match="100 by 100 inches; even at 72 dpi"):
        affordable_dpi(page, 300, 50)
    assert affordable_dpi(page_of(14_400, 72), 300, 250) == 163  # 32,767 pixels


def test_rendering_follows_rotation_and_crop_box() -> None:
    page = page_of(400, 600)
    page.set_cropbox(pymupdf.Rect(0, 0, 400, 300))
    page.set_rotation(90)
    pixmap = render_page(page, 72)
    assert (pixmap.width, pixmap.height, pixmap.n) == (300, 400, 1)


def word_boxes(tsv: str) -> dict[str, tuple[int, ...]]:
    return {columns[11]: tuple(map(int, columns[6:10])) for columns in rows(tsv) if columns[0] == "5"}


def test_text_layer_in_the_shape_of_recognised_text() -> None:
    page = page_of()
    page.insert_text((72, 72), "First line\nsecond line")
    page.insert_text((72, 300), "Another block")
    layer = read_text_layer(page, 144)
    assert layer is not None
    assert layer.text == "First line\nsecond line\n\nAnother block\n"
    assert layer.word_count == 6
    levels = [columns[0] for columns in rows(layer.tsv)]
    assert levels == list("12345545523455")
    assert {columns[10] for columns in rows(layer.tsv)} == {"-1", "100"}
    first = next(columns for columns in rows(layer.tsv) if columns[0] == "1")
    assert first[6:10] == ["0", "0", "800", "1200"]
    left, top, width, height = word_boxes(layer.tsv)["First"]
    assert left == 144
    assert top < 144 < top + height
    assert 30 < width < 60


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_boxes_lie_on_the_displayed_page(rotation: int) -> None:
    page = page_of()
    page.insert_text((72, 72), "Somewhere", fontsize=20)
    page.set_rotation(rotation)
    layer = read_text_layer(page, 72)
    assert layer is not None
    left, top, width, height = word_boxes(layer.tsv)["Somewhere"]
    pixmap = render_page(page, 72)
    image = Image.frombytes("L", (pixmap.width, pixmap.height), pixmap.samples)
    ink = image.point(lambda value: 255 if value < 128 else 0).getbbox()
    assert ink is not None
    assert left - 1 <= ink[0] < ink[2] <= left + width + 1
    assert top - 1 <= ink[1] < ink[3] <= top + height + 1


def test_no_text_no_layer() -> None:
    assert read_text_layer(page_of(), 300) is None


def test_a_stamp_on_a_scan_is_not_its_text() -> None:
    page = page_of()
    scan(page)
    page.insert_text((150, 590), "page 17, downloaded by a reader", fontsize=8)
    assert read_text_layer(page, 300) is None


def test_a_scan_with_its_whole_text_keeps_it() -> None:
    page = page_of()
    scan(page)
    page.insert_textbox(page.rect, "Plenty of words on this page. " * 40, fontsize=11, render_mode=3)
    layer = read_text_layer(page, 300)
    assert layer is not None
    assert layer.word_count == 240


@pytest.mark.parametrize(
    "text", ["(cid:12)(cid:44)(cid:9) (cid:88)", "\ufffd\ufffd\ufffd \ufffd\ufffd ab", "-- .. // ##"]
)
def test_junk_is_not_believed(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    page = page_of()
    words = [
        (10.0, 10.0 * number, 90.0, 10.0 * number + 9, word, 0, number, 0) for number, word in enumerate(text.split())
    ]
    monkeypatch.setattr(type(page), "get_text", lambda *_: words)
    assert read_text_layer(page, 300) is None


def test_what_no_database_stores_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    page = page_of()
    monkeypatch.setattr(
        type(page), "get_text", lambda *_: [(1.0, 1.0, 9.0, 9.0, "a\0b\ud800c\td\x0ce\u2028f", 0, 0, 0)]
    )
    layer = read_text_layer(page, 300)
    assert layer is not None
    assert layer.text == "abcdef\n"


def test_opening_leaves_nothing_on_standard_output(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    silence_mupdf()
    file = tmp_path / "a.pdf"
    file.write_bytes(b"%PDF-1.4\nnothing\n")
    with pytest.raises(DocumentError):
        count_pdf_pages(file)
    assert capfd.readouterr() == ("", "")
