import pytest
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

from supervisor.ocr.reading.blank import is_plainly_blank, shows_something
from supervisor.ocr.reading.picture import Picture

SIZE = (1240, 1754)
DPI = 150


def noisy(image: Image.Image, sigma: float) -> Image.Image:
    return ImageChops.add(image, Image.effect_noise(image.size, sigma), 1, -128) if sigma else image


def paper(level: int = 225) -> Image.Image:
    return Image.new("L", SIZE, level)


def with_scan_edge() -> Image.Image:
    image = noisy(paper(), 6)
    ImageDraw.Draw(image).rectangle((0, 0, 8, SIZE[1]), fill=20)
    ImageDraw.Draw(image).rectangle((0, SIZE[1] - 10, *SIZE), fill=60)
    return image


BLANK = {
    "white": paper(255),
    "black": paper(0),
    "grey": paper(),
    "little noise": noisy(paper(), 2),
    "noise": noisy(paper(200), 12),
    "much noise": noisy(paper(160), 25),
    "fading light": noisy(Image.linear_gradient("L").resize(SIZE).point(lambda level: 190 + level // 6), 5),
    "scan edge": with_scan_edge(),
}


@pytest.mark.parametrize("name", BLANK)
def test_empty_paper_is_blank(name: str) -> None:
    picture = Picture(BLANK[name], DPI)
    assert is_plainly_blank(picture)
    assert not shows_something(picture)


@pytest.mark.parametrize(
    ("text", "points", "contrast", "noise"),
    [
        ("7", 8, 200, 0),
        ("ii", 8, 60, 3),
        ("Page 7", 8, 20, 0),
        ("Page 7", 6, 40, 4),
        ("Page 7", 8, 80, 12),
        ("the end", 12, 40, 8),
        ("the end", 30, 25, 5),
    ],
)
def test_a_single_word_is_something(text: str, points: int, contrast: int, noise: float) -> None:
    for place in ((101, 107), (1003, 1601)):
        image = paper()
        font = ImageFont.load_default(round(points * DPI / 72))
        ImageDraw.Draw(image).text(place, text, font=font, fill=225 - contrast)
        assert not is_plainly_blank(Picture(noisy(image.filter(ImageFilter.GaussianBlur(0.5)), noise), DPI))


@pytest.mark.parametrize("contrast", [12, 40, 200])
@pytest.mark.parametrize("noise", [0, 8])
def test_pages_full_of_type_are_not_taken_for_noise(contrast: int, noise: float) -> None:
    image = paper()
    for top in range(20, 1740, 24):
        ImageDraw.Draw(image).text((10, top), "mn" * 60, font=ImageFont.load_default(20), fill=225 - contrast)
    if contrast > noise:
        assert not is_plainly_blank(Picture(noisy(image, noise), DPI))


def test_a_speck_proves_nothing_but_shows_nothing() -> None:
    image = paper(255)
    ImageDraw.Draw(image).rectangle((600, 800, 603, 803), fill=0)
    assert not is_plainly_blank(Picture(image, DPI))
    assert not shows_something(Picture(image, DPI))


def test_a_photograph_is_something() -> None:
    image = paper()
    image.paste(Image.radial_gradient("L").resize((500, 400)), (300, 300))
    assert not is_plainly_blank(Picture(image, DPI))
    assert shows_something(Picture(image, DPI))


def test_a_word_that_somebody_cut_out_is_too_small_to_judge() -> None:
    image = Image.new("L", (48, 29), 255)
    ImageDraw.Draw(image).text((2, 0), "an", font=ImageFont.load_default(24), fill=0)
    assert not is_plainly_blank(Picture(image, 300))
