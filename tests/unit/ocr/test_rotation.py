import pytest
from PIL import Image, ImageDraw

from supervisor.ocr.layout import Block, Box, Line, PageLayout, Paragraph, Word
from supervisor.ocr.reading.picture import Picture
from supervisor.ocr.reading.placement import placed
from supervisor.ocr.reading.rotation import turned


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_boxes_of_the_turned_picture_lie_on_the_page(degrees: int) -> None:
    image = Image.new("L", (300, 200), 0)
    ImageDraw.Draw(image).rectangle((30, 20, 109, 44), fill=255)
    page = Picture(image, 300)
    upright, placement = turned(page, degrees)
    box = Box(*upright.image.getbbox())
    line = Line(box, (Word("word", box, 90),), baseline=(0.1, -2.0))
    layout = PageLayout(*upright.image.size, 300, (Block(box, (Paragraph(box, (line,)),)),))
    there = next(placed(layout, placement, page, angle=degrees).lines())
    assert there.box == there.words[0].box == Box(30, 20, 110, 45)
    assert there.angle == degrees
    assert there.baseline == ((0.0, 0.0) if degrees else (pytest.approx(0.1), pytest.approx(-2.0)))


def test_turning_loses_nothing() -> None:
    page = Picture(Image.effect_noise((31, 17), 60), 200)
    once, _ = turned(page, 90)
    assert once.image.size == (17, 31)
    assert turned(once, 270)[0].image.tobytes() == page.image.tobytes()


def test_degrees_are_clockwise() -> None:
    image = Image.new("L", (3, 2), 0)
    image.putpixel((0, 0), 255)
    assert turned(Picture(image, 300), 90)[0].image.getpixel((1, 0)) == 255


def test_other_degrees_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="not by 45"):
        turned(Picture(Image.new("L", (3, 2)), 300), 45)
