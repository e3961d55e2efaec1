from collections.abc import Callable

import pytest
from PIL import Image, ImageChops, ImageDraw, ImageFont

from supervisor.ocr.layout import Block, Box, Line, PageLayout, Paragraph, Word
from supervisor.ocr.reading.picture import Picture
from supervisor.ocr.reading.placement import Placement, placed
from supervisor.ocr.reading.scaling import scaled
from supervisor.ocr.reading.type_size import x_height

PROSE = "some volumes were never seen again and nobody on our river can now say where"
Draw = Callable[..., Picture]


def height_of_x(points: float, dpi: int = 300) -> int:
    _, top, _, bottom = ImageFont.load_default(round(points * dpi / 72)).getbbox("x")
    return round(bottom - top)


@pytest.fixture
def draw() -> Draw:
    """Draw lines of type of several sizes in points, ink on paper, with noise."""

    def page(*points: float, dpi: int = 300, paper: int = 230, ink: int = 40, noise: float = 0) -> Picture:
        image = Image.new("L", (8 * dpi, 4 * dpi), paper)
        top = dpi // 4
        for size in points:
            font = ImageFont.load_default(round(size * dpi / 72))
            ImageDraw.Draw(image).text((dpi // 4, top), PROSE, font=font, fill=ink)
            top += round(1.5 * size * dpi / 72)
        if noise:
            image = ImageChops.add(image, Image.effect_noise(image.size, noise), 1, -128)
        return Picture(image, dpi)

    return page


@pytest.mark.parametrize("points", [6, 8, 10, 12, 18])
@pytest.mark.parametrize("noise", [0, 15])
def test_the_height_of_type_is_measured(draw: Draw, points: int, noise: float) -> None:
    assert x_height(draw(*[points] * 4, noise=noise)) == pytest.approx(height_of_x(points), abs=1.5)


@pytest.mark.parametrize("contrast", [20, 60, 200])
def test_faint_type_is_measured_as_well(draw: Draw, contrast: int) -> None:
    page = draw(10, 10, 10, paper=240, ink=240 - contrast)
    assert x_height(page) == pytest.approx(height_of_x(10), abs=1.5)


def test_a_single_line_of_small_print_decides(draw: Draw) -> None:
    assert x_height(draw(18, 18, 18, 18, 6)) == pytest.approx(height_of_x(6), abs=1.5)
    assert x_height(draw(40, 9, 9, 9)) == pytest.approx(height_of_x(9), abs=1.5)


@pytest.mark.parametrize("paper", [0, 200, 255])
def test_empty_paper_has_no_type(paper: int) -> None:
    image = Image.new("L", (2400, 1200), paper)
    assert x_height(Picture(image, 300)) is None
    assert x_height(Picture(ImageChops.add(image, Image.effect_noise(image.size, 12), 1, -128), 300)) is None


def test_lines_on_their_side_are_not_scaled_by_mistake(draw: Draw) -> None:
    page = draw(*[10] * 8)
    sideways = Picture(page.image.transpose(Image.Transpose.ROTATE_90), 300)
    assert scaled(sideways, x_height(sideways))[0] is sideways


def test_type_is_brought_to_the_height_that_is_enough(draw: Draw) -> None:
    heights = {}
    for points in (9, 12, 18):
        page = draw(*[points] * 4)
        smaller, placement = scaled(page, x_height(page))
        heights[points] = x_height(smaller)
        assert smaller.image.height < page.image.height
        assert smaller.dpi == pytest.approx(page.dpi / placement.e, abs=1)
        assert placement(*smaller.image.size) == pytest.approx(page.image.size)
    assert all(height in {11, 12, 13} for height in heights.values()), heights


def test_small_print_and_pictures_keep_their_pixels(draw: Draw) -> None:
    small = draw(12, 12, 12, 4)
    assert scaled(small, x_height(small))[0] is small
    coarse = draw(8, 8, 8, dpi=150)
    assert scaled(coarse, x_height(coarse))[0] is coarse
    assert scaled(small, None)[0] is small


def test_headings_alone_are_not_scaled_out_of_sight() -> None:
    page = Picture(Image.new("L", (2000, 1000), 255), 300)
    assert scaled(page, 200)[0].image.height == 300


def test_figures_of_a_line_grow_with_its_box() -> None:
    word = Word("small", Box(10, 20, 60, 40), 90)
    line = Line(Box(10, 20, 60, 40), (word,), baseline=(0.02, -4.0), x_size=16.0, descenders=4.0, ascenders=4.0)
    block = Block(line.box, (Paragraph(line.box, (line,)),))
    page = Picture(Image.new("L", (400, 200)), 300)
    layout = placed(PageLayout(100, 100, 150, (block,)), Placement(a=4.0, e=2.0), page)
    assert (layout.width, layout.height, layout.dpi) == (400, 200, 300)
    (there,) = layout.lines()
    assert there.box == layout.blocks[0].box == there.words[0].box == Box(40, 40, 240, 80)
    assert there.baseline == pytest.approx((0.01, -8.0))
    assert there.x_size == pytest.approx(16.0 * 8**0.5)


def test_boxes_end_with_the_page() -> None:
    block = Block(Box(-5, 0, 90, 120))
    layout = placed(PageLayout(80, 110, 150, (block,)), Placement(), Picture(Image.new("L", (80, 110)), 150))
    assert layout.blocks[0].box == Box(0, 0, 80, 110)
