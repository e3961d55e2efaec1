import json
import os
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from supervisor.ocr.errors import RecogniserError
from supervisor.ocr.formats.outputs import assemble
from supervisor.ocr.formats.text import page_text
from supervisor.ocr.hocr import read_page, write_page
from supervisor.ocr.jobs.job import Format
from supervisor.ocr.layout import Block, Box, Line, PageLayout, Paragraph, Word
from supervisor.ocr.results import PageResult
from support.schemas import check_document

FORMATS: tuple[Format, ...] = ("txt", "tsv", "hocr", "alto", "json")
ALTO = "{http://www.loc.gov/standards/alto/ns-v4#}"


def line(*words: tuple[str, int], left: int = 10) -> Line:
    placed = [
        Word(text, Box(left + 50 * place, 20, left + 50 * place + 40, 30), confidence)
        for place, (text, confidence) in enumerate(words)
    ]
    return Line(Box(left, 20, left + 200, 30), tuple(placed))


def paragraph(*lines: Line, language: str = "eng") -> Paragraph:
    return Paragraph(Box(10, 20, 210, 60), lines, language)


TEXT = Block(
    Box(10, 20, 210, 90),
    (paragraph(line(("Fish", 96), ("&", 41)), line(('"chips"', 90))), paragraph(line(("<ü>", 7)), language="chi_sim")),
)
PICTURE = Block(Box(5, 100, 300, 200), (), "photo")
RULE = Block(Box(5, 210, 300, 212), (), "separator")
SECOND = Block(Box(10, 220, 210, 260), (paragraph(line(("last", 60)), language="script/Latin"),))
LAYOUT = PageLayout(400, 300, 150, (TEXT, PICTURE, RULE, SECOND))


def recognised(number: int, layout: PageLayout = LAYOUT) -> PageResult:
    return PageResult(number, "succeeded", "ocr", page_text(layout), write_page(layout), 75.25, 41.0, 1 / 3, 5)


FAILED = PageResult(2, "failed", error="took too long\x1b[2J")
PAGES = [recognised(1), FAILED, recognised(3), PageResult(4, "skipped")]


def made(form: Format, pages: list[PageResult] = PAGES, name: str = "scans/a.tif") -> str:
    return assemble(name, pages, [form])[form].decode()


def test_text_has_an_empty_line_after_every_paragraph_but_the_last_thing() -> None:
    text = 'Fish &\n"chips"\n\n<ü>\n'
    assert page_text(LAYOUT) == f"{text}\nlast\n"
    assert page_text(replace(LAYOUT, blocks=(TEXT,))) == text
    assert page_text(replace(LAYOUT, blocks=(TEXT, PICTURE))) == f"{text}\n"
    assert page_text(replace(LAYOUT, blocks=(PICTURE,))) == ""
    assert page_text(replace(LAYOUT, blocks=())) == ""


def test_form_feeds_separate_pages_with_and_without_text() -> None:
    text = page_text(LAYOUT)
    assert made("txt") == f"{text}\f\f{text}\f"


def test_tsv_has_the_rows_of_tesseract_and_the_page_numbers_of_the_document() -> None:
    header, *rows = made("tsv").splitlines()
    assert header.split("\t")[-2:] == ["conf", "text"]
    assert rows[: len(rows) // 2] == [
        "1\t1\t0\t0\t0\t0\t0\t0\t400\t300\t-1\t",
        "2\t1\t1\t0\t0\t0\t10\t20\t200\t70\t-1\t",
        "3\t1\t1\t1\t0\t0\t10\t20\t200\t40\t-1\t",
        "4\t1\t1\t1\t1\t0\t10\t20\t200\t10\t-1\t",
        "5\t1\t1\t1\t1\t1\t10\t20\t40\t10\t96\tFish",
        "5\t1\t1\t1\t1\t2\t60\t20\t40\t10\t41\t&",
        "4\t1\t1\t1\t2\t0\t10\t20\t200\t10\t-1\t",
        '5\t1\t1\t1\t2\t1\t10\t20\t40\t10\t90\t"chips"',
        "3\t1\t1\t2\t0\t0\t10\t20\t200\t40\t-1\t",
        "4\t1\t1\t2\t1\t0\t10\t20\t200\t10\t-1\t",
        "5\t1\t1\t2\t1\t1\t10\t20\t40\t10\t7\t<ü>",
        "2\t1\t2\t0\t0\t0\t5\t100\t295\t100\t-1\t",
        "3\t1\t2\t1\t0\t0\t5\t100\t295\t100\t-1\t",
        "4\t1\t2\t1\t1\t0\t5\t100\t295\t100\t-1\t",
        "5\t1\t2\t1\t1\t1\t5\t100\t295\t100\t95\t ",
        "2\t1\t3\t0\t0\t0\t5\t210\t295\t2\t-1\t",
        "3\t1\t3\t1\t0\t0\t5\t210\t295\t2\t-1\t",
        "4\t1\t3\t1\t1\t0\t5\t210\t295\t2\t-1\t",
        "5\t1\t3\t1\t1\t1\t5\t210\t295\t2\t95\t ",
        "2\t1\t4\t0\t0\t0\t10\t220\t200\t40\t-1\t",
        "3\t1\t4\t1\t0\t0\t10\t20\t200\t40\t-1\t",
        "4\t1\t4\t1\t1\t0\t10\t20\t200\t10\t-1\t",
        "5\t1\t4\t1\t1\t1\t10\t20\t40\t10\t60\tlast",
    ]
    assert rows[len(rows) // 2 :] == [row.replace("\t1", "\t3", 1) for row in rows[: len(rows) // 2]]


def test_hocr_holds_every_page_and_names_the_document() -> None:
    hocr = made("hocr", name='scans/"a" & b.tif')
    root = ET.fromstring(hocr)  # noqa: S314 - ours
    pages = root.findall(".//*[@class='ocr_page']")
    assert [page.attrib["title"] for page in pages] == [
        'image "scans/"a" & b.tif"; bbox 0 0 400 300; ppageno 0; scan_res 150 150',
        'image "scans/"a" & b.tif"; bbox 0 0 0 0; ppageno 1',
        'image "scans/"a" & b.tif"; bbox 0 0 400 300; ppageno 2; scan_res 150 150',
        'image "scans/"a" & b.tif"; bbox 0 0 0 0; ppageno 3',
    ]
    assert [len(page) for page in pages] == [4, 0, 4, 0]
    ids = [one.attrib["id"] for one in root.iter() if "id" in one.attrib]
    assert len(set(ids)) == len(ids) > 20
    assert "content='supervisor'" in hocr
    assert read_page(made("hocr", [recognised(7)])) == LAYOUT


def test_alto_has_every_page_in_its_place() -> None:
    root = ET.fromstring(made("alto", name='scans/"a" & b.tif'))  # noqa: S314 - ours
    description, layout = root
    assert description.findtext(f"{ALTO}MeasurementUnit") == "pixel"
    assert description.findtext(f"{ALTO}sourceImageInformation/{ALTO}fileName") == 'scans/"a" & b.tif'
    assert [page.attrib for page in layout] == [
        {"ID": "page_1", "PHYSICAL_IMG_NR": "1", "WIDTH": "400", "HEIGHT": "300"},
        {"ID": "page_2", "PHYSICAL_IMG_NR": "2"},
        {"ID": "page_3", "PHYSICAL_IMG_NR": "3", "WIDTH": "400", "HEIGHT": "300"},
        {"ID": "page_4", "PHYSICAL_IMG_NR": "4"},
    ]
    ids = [one.attrib["ID"] for one in root.iter() if "ID" in one.attrib]
    assert len(set(ids)) == len(ids) > 20


def test_alto_says_what_stands_where() -> None:
    root = ET.fromstring(made("alto"))  # noqa: S314 - ours
    (space,) = root[1][2]
    assert space.attrib == {"HPOS": "0", "VPOS": "0", "WIDTH": "400", "HEIGHT": "300"}
    assert [block.tag.removeprefix(ALTO) for block in space] == [
        "ComposedBlock",
        "Illustration",
        "GraphicalElement",
        "ComposedBlock",
    ]
    assert [block.get("LANG") for block in space.iter(f"{ALTO}TextBlock")] == ["eng", "chi", None]
    first = next(space.iter(f"{ALTO}TextLine"))
    assert first.attrib == {"ID": "line_3_1", "HPOS": "10", "VPOS": "20", "WIDTH": "200", "HEIGHT": "10"}
    assert [(one.tag.removeprefix(ALTO), one.attrib) for one in first] == [
        (
            "String",
            {"ID": "string_3_1", "HPOS": "10", "VPOS": "20", "WIDTH": "40", "HEIGHT": "10", "WC": "0.96"}
            | {"CONTENT": "Fish"},
        ),
        ("SP", {"HPOS": "50", "VPOS": "20", "WIDTH": "10"}),
        (
            "String",
            {"ID": "string_3_2", "HPOS": "60", "VPOS": "20", "WIDTH": "40", "HEIGHT": "10", "WC": "0.41"}
            | {"CONTENT": "&"},
        ),
    ]


def test_alto_leaves_no_line_empty_and_no_space_negative() -> None:
    leftwards = Line(Box(0, 0, 99, 9), (Word("b", Box(50, 0, 90, 9), 1), Word("a", Box(10, 0, 40, 9), 1)))
    overlapping = Line(Box(0, 0, 99, 9), (Word("a", Box(0, 0, 30, 9), 1), Word("b", Box(20, 0, 40, 9), 1)))
    block = Block(Box(0, 0, 99, 99), (paragraph(leftwards, Line(Box(0, 0, 9, 9), ()), overlapping),))
    root = ET.fromstring(made("alto", [recognised(1, PageLayout(99, 99, 70, (block,)))]))  # noqa: S314 - ours
    assert len(list(root.iter(f"{ALTO}TextLine"))) == 2
    assert [space.attrib for space in root.iter(f"{ALTO}SP")] == [
        {"HPOS": "40", "VPOS": "0", "WIDTH": "10"},
        {"HPOS": "30", "VPOS": "0", "WIDTH": "0"},
    ]


def test_json_says_of_every_page_how_it_ended() -> None:
    document = json.loads(made("json"))
    assert list(document) == ["schema", "document", "pages"]
    check_document(document)
    assert (document["schema"], document["document"]) == ("supervisor.document/1", "scans/a.tif")
    first, failed, _, skipped = document["pages"]
    assert first.pop("lines")[0]["words"] == [
        {"text": "Fish", "box": [10, 20, 50, 30], "confidence": 96},
        {"text": "&", "box": [60, 20, 100, 30], "confidence": 41},
    ]
    assert first == {
        "page_number": 1,
        "status": "succeeded",
        "error": None,
        "source": "ocr",
        "text": page_text(LAYOUT),
        "quality": {"word_count": 5, "mean_confidence": 75.25, "low_confidence": 41, "weak_word_share": 0.333},
        "width": 400,
        "height": 300,
        "dpi": 150,
    }
    assert failed == {
        "page_number": 2,
        "status": "failed",
        "error": "took too long[2J",
        "source": None,
        "text": "",
        "quality": {"word_count": 0, "mean_confidence": None, "low_confidence": None, "weak_word_share": None},
        "width": None,
        "height": None,
        "dpi": None,
        "lines": [],
    }
    assert (skipped["page_number"], skipped["status"], skipped["lines"]) == (4, "skipped", [])


def test_json_is_the_same_when_the_page_was_known_before() -> None:
    again = [replace(page, source="cache") if page.source else page for page in PAGES]
    assert made("json", again) == made("json")


def test_only_what_was_asked_for() -> None:
    assert list(assemble("a.tif", PAGES, ("tsv", "pdf", "txt"))) == ["tsv", "txt"]


def test_the_same_bytes_every_time() -> None:
    assert assemble("a.tif", PAGES, FORMATS) == assemble("a.tif", PAGES, FORMATS)


def test_pages_that_are_the_same_still_have_their_own_number_and_document() -> None:
    assert 'ID="page_1"' in made("alto", [recognised(1)], "a.tif")
    assert 'ID="page_2"' in made("alto", [recognised(2)], "a.tif")
    assert '"a.tif"' in made("hocr", [recognised(1)], "a.tif")
    assert '"b.tif"' in made("hocr", [recognised(1)], "b.tif")


@pytest.mark.parametrize("form", ["hocr", "alto", "json"])
def test_a_name_that_is_not_utf8_is_escaped(form: Format) -> None:
    assert "scans/%FF.png" in made(form, name=os.fsdecode(b"scans/\xff.png"))


def test_a_master_that_is_none() -> None:
    with pytest.raises(RecogniserError):
        made("tsv", [PageResult(1, "succeeded", "cache", "text", "nonsense")])
