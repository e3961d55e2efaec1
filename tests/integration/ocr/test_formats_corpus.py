"""What is derived from tesseract's hOCR, beside what tesseract itself writes of the same pages."""

import os
import subprocess
from pathlib import Path

import pytest

from supervisor.ocr.characters import plain
from supervisor.ocr.formats.outputs import assemble
from supervisor.ocr.formats.text import page_text
from supervisor.ocr.hocr import read_page, write_page
from supervisor.ocr.quality import measure
from supervisor.ocr.results import PageResult

# Prose in one and two columns, several languages, little and no text, turned lines, rules, pictures and white on black.
PAGES = (
    "old-books/a006.tiff",
    "old-books/j007.tiff",
    "tesseract-test/eurotext.tif",
    "tesseract-test/phototest-rotated-L.png",
    "pytesseract/test-european.jpg",
    "leptonica/invertedtext.tif",
    "leptonica/tribune-page-4x.png",
    "leptonica/weasel4.16g.png",
    "ocrmypdf/baiona.png",
    "tika/testOCR_spacing.png",
)
# hOCR states of a picture the box of its first line alone, and not how many lines the recogniser made of it.
PICTURES_OF_MANY_LINES = {"ocrmypdf/baiona.png"}
_FORMS = ("txt", "tsv", "hocr")


@pytest.mark.parametrize("name", PAGES)
def test_derived_formats_agree_with_those_of_tesseract(corpus: Path, tmp_path: Path, name: str) -> None:
    base = tmp_path / "page"
    wanted = [argument for form in _FORMS for argument in ("-c", f"tessedit_create_{form}=1")]
    environment = {**os.environ, "OMP_THREAD_LIMIT": "1"}
    subprocess.run(["tesseract", corpus / name, base, *wanted], env=environment, check=True, capture_output=True)
    text, tsv, hocr = (plain(base.with_suffix(f".{form}").read_text(encoding="utf-8")) for form in _FORMS)

    layout = read_page(hocr)
    assert page_text(layout) == text
    master = write_page(layout)
    assert read_page(master) == layout
    derived = assemble(name, [PageResult(1, "succeeded", "ocr", page_text(layout), master)], ["txt", "tsv"])
    assert derived["txt"].decode() == text
    rows, expected = (_whole_confidences(lines) for lines in (derived["tsv"].decode(), tsv))
    if name in PICTURES_OF_MANY_LINES:
        rows, expected = (list(filter(_is_word, lines)) for lines in (rows, expected))
    assert rows == expected
    assert measure(layout).word_count == len(list(filter(_is_word, rows)))


@pytest.mark.parametrize(
    ("name", "languages"),
    [
        ("arabic", {"ara", "per"}),
        ("devanagari", {"hin", "san"}),
        ("latin", {"deu", "eng", "fra"}),
        ("multilingual", {"ara", "eng"}),
    ],
)
def test_hocr_of_other_scripts_and_versions_is_read(corpus: Path, name: str, languages: set[str]) -> None:
    hocr = (corpus / f"ocrmypdf/{name}.hocr").read_text(encoding="utf-8")
    layout = read_page(hocr, dpi=300)
    paragraphs = [paragraph for block in layout.blocks for paragraph in block.paragraphs]
    assert {paragraph.language for paragraph in paragraphs} == languages
    assert all(paragraph.is_right_to_left == (paragraph.language in {"ara", "per"}) for paragraph in paragraphs)
    assert all(word.text in hocr for word in layout.words())
    assert read_page(write_page(layout)) == layout


def _whole_confidences(tsv: str) -> list[list[str]]:
    rows = [line.split("\t") for line in tsv.splitlines()]
    return [[*row[:10], str(int(float(row[10]))) if row[0].isdigit() else row[10], *row[11:]] for row in rows]


def _is_word(row: list[str]) -> bool:
    return row[0] == "5" and bool(row[11].strip())
