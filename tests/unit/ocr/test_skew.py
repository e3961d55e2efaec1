import os

import pytest
from PIL import Image, ImageDraw, ImageFont

from supervisor.ocr.reading.picture import Picture
from supervisor.ocr.reading.skew import skew, straightened

PROSE = "some volumes were never seen again and nobody on our river can now say where"


@pytest.fixture(scope="module")
def page() -> Image.Image:
    image = Image.new("L", (1200, 1500), 255)
    for top in range(100, 1400, 40):
        ImageDraw.Draw(image).text((100, top), PROSE, font=ImageFont.load_default(24), fill=0)
    return image


@pytest.mark.parametrize("degrees", [-4.5, -3, -0.5, 0.3, 1, 2.2, 4])
def test_skew_is_found(page: Image.Image, degrees: float) -> None:
    askew = page.rotate(degrees, Image.Resampling.BICUBIC, fillcolor=255)
    assert skew(Picture(askew, 150)) == pytest.approx(-degrees, abs=0.1)


def test_what_is_straight_stays_as_it_is(page: Image.Image) -> None:
    picture = Picture(page, 150)
    assert straightened(picture)[0] is picture


@pytest.mark.parametrize(
    "image",
    [Image.new("L", (900, 700), 255), Image.frombytes("L", (900, 700), os.urandom(900 * 700))],
    ids=["white", "noise"],
)
def test_where_there_are_no_lines_nothing_is_turned(image: Image.Image) -> None:
    assert skew(Picture(image, 150)) == 0


def test_points_of_the_straight_picture_lie_on_the_page(page: Image.Image) -> None:
    askew = page.rotate(3, Image.Resampling.BICUBIC, fillcolor=255)
    ImageDraw.Draw(askew).rectangle((1090, 1450, 1109, 1469), fill=0)
    picture = Picture(askew, 150)
    straight, placement = straightened(picture)
    assert placement(straight.image.width / 2, straight.image.height / 2) == pytest.approx((600, 750), abs=0.01)
    assert placement.magnification == pytest.approx(1)
    seen = [
        (x, y)
        for x in range(straight.image.width - 300, straight.image.width)
        for y in range(straight.image.height - 110, straight.image.height)
        if straight.image.getpixel((x, y)) < 60
    ]
    middle = sum(x for x, _ in seen) / len(seen) + 0.5, sum(y for _, y in seen) / len(seen) + 0.5
    assert placement(*middle) == pytest.approx((1100, 1460), abs=1)


def test_corners_stay_on_the_picture(page: Image.Image) -> None:
    askew = page.rotate(3, Image.Resampling.BICUBIC, fillcolor=255)
    straight, placement = straightened(Picture(askew, 150))
    right, bottom = placement(*straight.image.size)
    left, top = placement(0, 0)
    assert max(left, top) <= 60
    assert right >= 1140
    assert bottom >= 1440
    assert straight.image.width > page.width
    assert straight.image.height > page.height
    assert straight.image.getpixel((0, 0)) == 255
