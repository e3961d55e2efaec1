from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from supervisor.ocr.errors import RecogniserError
from supervisor.ocr.hocr import empty_page, read_page, write_page
from supervisor.ocr.layout import Block, Box, Line, PageLayout, Paragraph, Word

# As tesseract 5.3 writes it, with one element of every kind that it knows.
TESSERACT = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN"
    "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="en" lang="en">
 <head>
  <title></title>
  <meta http-equiv="Content-Type" content="text/html;charset=utf-8"/>
  <meta name='ocr-system' content='tesseract 5.3.0' />
  <meta name='ocr-capabilities' content='ocr_page ocr_carea ocr_par ocr_line ocrx_word ocrp_wconf'/>
 </head>
 <body>
  <div class='ocr_page' id='page_1' title='image "/tmp/a &quot;b&quot;; bbox 1 2 3 4.pgm"; bbox 0 0 1850 2621;\
 ppageno 0; scan_res 300 300'>
   <div class='ocr_carea' id='block_1_1' title="bbox 459 874 1506 1719">
    <p class='ocr_par' dir='rtl' id='par_1_1' lang='ara' title="bbox 459 874 1506 1719">
     <span class='ocr_line' id='line_1_1' title="bbox 588 874 1503 918; baseline -0.007 -4; x_size 43.5;\
 x_descenders 8; x_ascenders 14">
      <span class='ocrx_word' id='word_1_1' title='bbox 588 880 706 915; x_wconf 95' lang='eng' dir='ltr'>A &amp;\
 B</span>
      <span class='ocrx_word' id='word_1_2' title='bbox 727 879 795 913; x_wconf 0'><strong><em>é</em></strong></span>
     </span>
     <span class='ocr_header' id='line_1_2' title="bbox 1 2 3 4; textangle 90; x_size 35.739132; x_descenders 5.7;\
 x_ascenders 8">
      <span class='ocrx_word' id='word_1_3' title='bbox 1 2 3 4; x_wconf 100'> </span>
     </span>
     <span class='ocr_caption' id='line_1_3' title="bbox 1 2 3 4; x_size 8; x_descenders -2; x_ascenders 2"></span>
     <span class='ocr_textfloat' id='line_1_4' title="bbox 9 9 0 0; textangle 360"></span>
    </p>
   </div>
   <div class='ocr_photo' id='block_1_2' title="bbox 0 1760 0 1815"></div>
   <div class='ocr_separator' id='block_1_3' title="bbox 1 1 90 3"></div>
  </div>
 </body>
</html>
"""
LAYOUT = PageLayout(
    1850,
    2621,
    300,
    (
        Block(
            Box(459, 874, 1506, 1719),
            (
                Paragraph(
                    Box(459, 874, 1506, 1719),
                    (
                        Line(
                            Box(588, 874, 1503, 918),
                            (
                                Word("A & B", Box(588, 880, 706, 915), 95),
                                Word("é", Box(727, 879, 795, 913), 0),
                            ),
                            "line",
                            (-0.007, -4.0),
                            43.5,
                            8.0,
                            14.0,
                        ),
                        Line(
                            Box(1, 2, 3, 4),
                            (Word(" ", Box(1, 2, 3, 4), 100),),
                            "header",
                            (0.0, 0.0),
                            35.739132,
                            5.7,
                            8.0,
                            90,
                        ),
                        Line(Box(1, 2, 3, 4), (), "caption", (0.0, 0.0), 8.0, -2.0, 2.0),
                        # A box that is inside out becomes an empty one.
                        Line(Box(9, 9, 9, 9), (), "textfloat"),
                    ),
                    "ara",
                    is_right_to_left=True,
                ),
            ),
        ),
        Block(Box(0, 1760, 0, 1815), (), "photo"),
        Block(Box(1, 1, 90, 3), (), "separator"),
    ),
)
MASTER = """\
  <div class='ocr_page' id='page_1' title='bbox 0 0 1850 2621; ppageno 0; scan_res 300 300'>
   <div class='ocr_carea' id='block_1_1' title='bbox 459 874 1506 1719'>
    <p class='ocr_par' dir='rtl' id='par_1_1' lang='ara' title='bbox 459 874 1506 1719'>
     <span class='ocr_line' id='line_1_1' title='bbox 588 874 1503 918; baseline -0.007 -4; x_size 43.5;\
 x_descenders 8; x_ascenders 14'>
      <span class='ocrx_word' id='word_1_1' title='bbox 588 880 706 915; x_wconf 95'>A &amp; B</span>
      <span class='ocrx_word' id='word_1_2' title='bbox 727 879 795 913; x_wconf 0'>é</span>
     </span>
     <span class='ocr_header' id='line_1_2' title='bbox 1 2 3 4; textangle 90; x_size 35.739132; x_descenders 5.7;\
 x_ascenders 8'>
      <span class='ocrx_word' id='word_1_3' title='bbox 1 2 3 4; x_wconf 100'> </span>
     </span>
     <span class='ocr_caption' id='line_1_3' title='bbox 1 2 3 4; x_size 8; x_descenders -2; x_ascenders 2'>
     </span>
     <span class='ocr_textfloat' id='line_1_4' title='bbox 9 9 9 9'>
     </span>
    </p>
   </div>
   <div class='ocr_photo' id='block_1_2' title='bbox 0 1760 0 1815'></div>
   <div class='ocr_separator' id='block_1_3' title='bbox 1 1 90 3'></div>
  </div>
"""
WORD = "<span class='ocrx_word' title='bbox 1 2 3 4; x_wconf 95'>text</span>"


def page(words: str = WORD, *, line: str = "bbox 0 0 9 9", title: str = "bbox 0 0 9 9; scan_res 70 70") -> str:
    return (
        f"<div class='ocr_page' title='{title}'><div class='ocr_carea' title='bbox 0 0 9 9'>"
        f"<p class='ocr_par' title='bbox 0 0 9 9'><span class='ocr_line' title='{line}'>{words}</span></p></div></div>"
    )


def test_what_tesseract_writes_is_read() -> None:
    assert read_page(TESSERACT) == LAYOUT


def test_a_resolution_that_is_known_better() -> None:
    assert read_page(TESSERACT, dpi=123).dpi == 123
    assert read_page(page(title="bbox 0 0 9 9; ppageno 0"), dpi=123).dpi == 123


def test_controls_leave_no_trace_in_words() -> None:
    (word,) = read_page(page(WORD.replace("text", "&#10;a&#9;b&#x85;&#x2028;c"))).words()
    assert word.text == " a bc"


@pytest.mark.parametrize(
    ("hocr", "reason"),
    [
        ("", "no element found"),
        ("tesseract: out of memory", "syntax error: line 1"),
        (TESSERACT[: len(TESSERACT) // 2], "unclosed token|no element found"),
        (TESSERACT.replace("</p>", ""), "mismatched tag"),
        ("<html><body></body></html>", "holds no page"),
        (f"<body>{page()}{page()}</body>", "more than one page"),
        (f"<body>{page().replace('</span></p>', page() + '</span></p>')}</body>", "ocr_page stands where"),
        (page(title="bbox 0 0 9"), "page states no size"),
        (page(title="bbox 0 0 9 9"), "page states no resolution"),
        (page(title="bbox 5 5 9 9; scan_res 70 70"), "page states no size"),
        (page(WORD.replace("bbox 1 2 3 4", "bbox 1 2 3 x")), "a word states no box"),
        (page(WORD.replace("bbox 1 2 3 4", "bbox 1 2 3 4e9")), "a word states no box"),
        (page(WORD.replace("bbox 1 2 3 4", "bbox 1 2 -3 4")), "a word states no box"),
        (page(WORD.replace("bbox 1 2 3 4", "bbox 1 2 3 ٤")), "a word states no box"),
        (page(WORD.replace("; x_wconf 95", "")), "a word states no box or no confidence"),
        (page(WORD.replace("x_wconf 95", "x_wconf 101")), "no confidence"),
        (page(line="x_size 9"), "an element states no box"),
        (page(line="bbox 0 0 9 9; x_size large"), "no number"),
        (page(line="bbox 0 0 9 9; x_size nan"), "no number"),
        (page(line="bbox 0 0 9 9; baseline 0.1"), "no number"),
        (page(line="bbox 0 0 9 9; textangle 45"), "turned by no quarter"),
        (page("text"), "text stands outside of words"),
        (page("<b>word</b>"), "b stands where it does not belong"),
        (page("<span class='ocr_line' title='bbox 0 0 9 9'/>"), "ocr_line stands where"),
        (page(WORD.replace("text", WORD)), "ocrx_word stands where"),
        (page().replace("ocr_carea", "ocr_photo"), "ocr_par stands where"),
        (page().replace("ocr_carea", "ocr_unheard_of"), "ocr_unheard_of stands where"),
        (page(WORD.replace("text", "a\x00b")), "not well-formed"),
        (page(WORD.replace("text", "a\x1bb")), "not well-formed"),
        (page(WORD.replace("text", "a\ud800b")), "what is no character"),
        (page(WORD.replace("text", "a&nbsp;b")), "undefined entity"),
    ],
)
def test_what_is_no_hocr_of_a_page_is_refused(hocr: str, reason: str) -> None:
    with pytest.raises(RecogniserError, match=reason):
        read_page(hocr)


@pytest.mark.parametrize(
    "declaration",
    [
        "<!ENTITY e 'expanded'>",
        "<!ENTITY e SYSTEM 'file:///etc/passwd'>",
        "<!ENTITY a 'ha'><!ENTITY e '&a;&a;&a;&a;'>",
        "<!ENTITY % p SYSTEM 'file:///etc/passwd'> %p;",
    ],
)
def test_entities_are_never_expanded(declaration: str) -> None:
    hocr = f"<!DOCTYPE div [{declaration}]>{page(WORD.replace('text', '&e;'))}"
    with pytest.raises(RecogniserError, match="uses the entity"):
        read_page(hocr)


def test_an_entity_of_a_document_type_that_is_not_read() -> None:
    beyond = "<!DOCTYPE div SYSTEM 'http://example.invalid/xhtml.dtd'>"
    with pytest.raises(RecogniserError, match="uses the entity nbsp"):
        read_page(beyond + page(WORD.replace("text", "&nbsp;")))


def test_the_master_of_a_page() -> None:
    assert write_page(LAYOUT) == MASTER


def test_a_page_in_its_place() -> None:
    element = ET.fromstring(write_page(LAYOUT, page_number=3, image='a "b" <&> \n\x07 c\ufffe; bbox.tif'))  # noqa: S314 - ours
    assert element.attrib["title"] == 'image "a "b" <&>   c; bbox.tif"; bbox 0 0 1850 2621; ppageno 2; scan_res 300 300'
    ids = [one.attrib["id"] for one in element.iter() if "id" in one.attrib]
    assert ids == [
        "page_3",
        *("block_3_1", "par_3_1"),
        *("line_3_1", "word_3_1", "word_3_2", "line_3_2", "word_3_3", "line_3_3", "line_3_4"),
        *("block_3_2", "block_3_3"),
    ]
    assert read_page(write_page(LAYOUT, page_number=3, image='"; bbox 0 0 7 7; ppageno 9')) == LAYOUT


def test_a_page_without_result() -> None:
    element = ET.fromstring(empty_page(2))  # noqa: S314 - ours
    assert element.attrib == {"class": "ocr_page", "id": "page_2", "title": "bbox 0 0 0 0; ppageno 1"}
    assert len(element) == 0


texts = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\u2028\u2029\ufffe\uffff"), max_size=8
)
sizes = st.integers(0, 99_999)
figures = st.floats(allow_nan=False, allow_infinity=False)


@st.composite
def boxes(draw: st.DrawFn) -> Box:
    left, top = draw(sizes), draw(sizes)
    return Box(left, top, left + draw(sizes), top + draw(sizes))


def some(values: st.SearchStrategy[object]) -> st.SearchStrategy[tuple[object, ...]]:
    return st.lists(values, max_size=3).map(tuple)


words = st.builds(Word, texts, boxes(), st.integers(0, 100))
lines = st.builds(
    Line,
    boxes(),
    some(words),
    st.sampled_from(["line", "header", "caption", "textfloat"]),
    st.tuples(figures, figures),
    figures,
    figures,
    figures,
    st.sampled_from([0, 90, 180, 270]),
)
paragraphs = st.builds(Paragraph, boxes(), some(lines), texts, st.booleans())
text_blocks = st.builds(Block, boxes(), some(paragraphs))
pictures = st.builds(Block, boxes(), st.just(()), st.sampled_from(["photo", "separator"]))
layouts = st.builds(PageLayout, sizes, sizes, st.integers(1, 2400), some(text_blocks | pictures))


@settings(deadline=None, max_examples=60)
@given(layouts, st.integers(1, 999), texts)
def test_nothing_is_lost_between_writing_and_reading(layout: PageLayout, page_number: int, image: str) -> None:
    written = write_page(layout, page_number=page_number, image=image)
    assert read_page(written) == layout
    assert write_page(layout, page_number=page_number, image=image) == written
    assert write_page(read_page(written)) == write_page(layout)
