"""Pictures read by a real tesseract, in whatever way they lie."""

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageDraw, ImageFont

from supervisor.ocr.engines.page_file import write_page_file
from supervisor.ocr.hocr import read_page
from supervisor.ocr.jobs.job import Job
from supervisor.ocr.layout import Box, PageLayout
from supervisor.ocr.quality import measure
from supervisor.ocr.reading.picture import Picture
from supervisor.ocr.reading.reading import read_picture

VERSE = [
    "The archive keeps every letter that was ever",
    "sent across the river, and some volumes were",
    "never seen again; nobody can now say where",
    "they went, nor who had carried them away.",
]
FOOTNOTE = "Notes in small print that nobody should lose"


class Tesseract:
    """A recogniser that starts a tesseract for each picture, and remembers the sizes it was given."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "page.tif"
        self.sizes: list[tuple[int, int]] = []

    def recognise(self, picture: Picture) -> PageLayout:
        self.sizes.append(picture.image.size)
        return read_page(self._run(picture, "hocr"), picture.dpi)

    def orientation(self, picture: Picture) -> int | None:
        told = re.search(r"^Rotate: (\d+)$", self._run(picture, "--psm", "0"), re.MULTILINE)
        return int(told[1]) if told else None

    def _run(self, picture: Picture, *arguments: str) -> str:
        with self._file.open("wb") as stream:
            write_page_file(picture.image, picture.dpi, stream)
        environment = os.environ | {"OMP_THREAD_LIMIT": "1"}
        command = ["tesseract", str(self._file), "-", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, check=False).stdout.decode()


class Uncertain(Tesseract):
    """One that cannot tell which way up anything is."""

    def orientation(self, picture: Picture) -> int | None:  # noqa: ARG002 - a recogniser's signature
        return None


@pytest.fixture
def recogniser(tmp_path: Path) -> Tesseract:
    return Tesseract(tmp_path)


@pytest.fixture(scope="module")
def page() -> Picture:
    """Four lines of 14 points and a footnote of 5, at 300 dpi."""
    image = Image.new("L", (1500, 800), 255)
    for number, line in enumerate(VERSE):
        ImageDraw.Draw(image).text((80, 80 + 90 * number), line, font=ImageFont.load_default(58), fill=0)
    ImageDraw.Draw(image).text((80, 650), FOOTNOTE, font=ImageFont.load_default(21), fill=0)
    return Picture(image, 300)


def text(layout: PageLayout) -> str:
    return " ".join(word.text for word in layout.words())


def overlap(one: Box, other: Box) -> float:
    """Return the intersection of two boxes as a share of their union."""
    width = min(one.right, other.right) - max(one.left, other.left)
    height = min(one.bottom, other.bottom) - max(one.top, other.top)
    common = max(width, 0) * max(height, 0)
    return common / (area(one) + area(other) - common)


def area(box: Box) -> int:
    return (box.right - box.left) * (box.bottom - box.top)


def check_boxes(layout: PageLayout, expected: PageLayout) -> None:
    pairs = zip(layout.words(), expected.words(), strict=True)
    assert [(one.text, other.text) for one, other in pairs if overlap(one.box, other.box) <= 0.5] == []


def test_type_that_is_larger_than_it_has_to_be_is_handed_over_smaller(
    page: Picture, recogniser: Tesseract, make_job: Callable[..., Job]
) -> None:
    as_given = read_picture(Picture(page.image.crop((0, 0, 1500, 500)), 300), make_job(scale="off"), recogniser)
    reading = read_picture(Picture(page.image.crop((0, 0, 1500, 500)), 300), make_job(), recogniser)
    assert recogniser.sizes[0] == (1500, 500)
    assert recogniser.sizes[1][0] < 900
    assert len(recogniser.sizes) == 2
    assert text(reading.layout) == text(as_given.layout) == " ".join(VERSE)
    assert (reading.layout.width, reading.layout.height, reading.layout.dpi) == (1500, 500, 300)
    check_boxes(reading.layout, as_given.layout)
    for line, other in zip(reading.layout.lines(), as_given.layout.lines(), strict=True):
        assert line.x_size == pytest.approx(other.x_size, rel=0.15)


def test_a_line_of_small_print_is_not_lost(page: Picture, recogniser: Tesseract, make_job: Callable[..., Job]) -> None:
    assert FOOTNOTE in text(read_picture(page, make_job(), recogniser).layout)


def test_what_cannot_be_read_in_a_smaller_size_is_read_as_given(
    recogniser: Tesseract, corpus: Path, make_job: Callable[..., Job]
) -> None:
    with Image.open(corpus / "tesseract-test/phototest-rotated-180.png") as image:
        picture = Picture(image.convert("L"), 200)
    read_picture(picture, make_job(), recogniser)
    assert len(recogniser.sizes) == 2
    assert recogniser.sizes[0] < recogniser.sizes[1] == picture.image.size


@pytest.mark.parametrize(
    ("degrees", "kind"), [(90, Tesseract), (180, Tesseract), (270, Tesseract), (180, Uncertain), (270, Uncertain)]
)
def test_a_page_is_read_whichever_way_it_lies(
    page: Picture, degrees: int, kind: type[Tesseract], tmp_path: Path, make_job: Callable[..., Job]
) -> None:
    lying = Picture(page.image.rotate(degrees, expand=True), 300)
    layout = read_picture(lying, make_job(rotate="auto"), kind(tmp_path)).layout
    assert text(layout) == " ".join([*VERSE, FOOTNOTE])
    assert {line.angle for line in layout.lines()} == {degrees}
    assert (layout.width, layout.height) == lying.image.size
    first = next(layout.words()).box
    corner = {90: (80, 1500 - 80), 180: (1500 - 80, 800 - 80), 270: (800 - 80, 80)}[degrees]
    assert max(abs((first.left + first.right) / 2 - corner[0]), abs((first.top + first.bottom) / 2 - corner[1])) < 100


@pytest.mark.parametrize(("name", "angles"), [("180", {180}), ("L", {90}), ("R", {0, 270})])
def test_turned_scans_are_read(
    name: str, angles: set[int], corpus: Path, recogniser: Tesseract, make_job: Callable[..., Job]
) -> None:
    with Image.open(corpus / f"tesseract-test/phototest-rotated-{name}.png") as image:
        layout = read_picture(Picture(image.convert("L"), 200), make_job(rotate="auto"), recogniser).layout
    assert text(layout).startswith("This is a lot of 12 point text to test the ocr code and see if it works")
    # tesseract reads one of the sides by itself, and says nothing about it.
    assert {line.angle for line in layout.lines()} <= angles


def test_a_page_of_another_script_is_turned_by_its_shape(
    corpus: Path, recogniser: Tesseract, make_job: Callable[..., Job]
) -> None:
    with Image.open(corpus / "tesseract-test/devatest-rotated-270.png") as image:
        layout = read_picture(Picture(image.convert("L"), 300), make_job(rotate="auto"), recogniser).layout
    assert "CDAC-GIST" in text(layout)


def test_upright_pages_are_read_once(page: Picture, recogniser: Tesseract, make_job: Callable[..., Job]) -> None:
    read_picture(page, make_job(rotate="auto"), recogniser)
    assert len(recogniser.sizes) == 1


def test_a_page_without_enough_text_stays_as_it_lies(recogniser: Tesseract, make_job: Callable[..., Job]) -> None:
    image = Image.new("L", (800, 600), 255)
    ImageDraw.Draw(image).text((300, 250), "end", font=ImageFont.load_default(60), fill=0)
    reading = read_picture(Picture(image, 300), make_job(rotate="auto"), recogniser)
    assert text(reading.layout) == "end"
    assert {line.angle for line in reading.layout.lines()} == {0}
    assert not reading.is_blank


@pytest.mark.parametrize("degrees", [3, -2])
def test_a_page_askew_is_read_straight(
    page: Picture, degrees: float, recogniser: Tesseract, make_job: Callable[..., Job]
) -> None:
    askew = Picture(page.image.rotate(degrees, Image.Resampling.BICUBIC, expand=True, fillcolor=255), 300)
    as_given = read_picture(askew, make_job(scale="off"), recogniser)
    reading = read_picture(askew, make_job(deskew=True), recogniser)
    assert text(reading.layout) == " ".join([*VERSE, FOOTNOTE])
    assert (reading.layout.width, reading.layout.height) == askew.image.size
    check_boxes(reading.layout, as_given.layout)
    assert all(line.baseline[0] == pytest.approx(-degrees * 0.01746, abs=0.006) for line in reading.layout.lines())


@pytest.fixture(params=["white", "noise", "speck"])
def empty(request: pytest.FixtureRequest) -> tuple[str, Picture]:
    image = Image.new("L", (1240, 1754), 255 if request.param != "noise" else 220)
    if request.param == "noise":
        image = ImageChops.add(image, Image.effect_noise(image.size, 10), 1, -128)
    if request.param == "speck":
        ImageDraw.Draw(image).rectangle((600, 800, 603, 803), fill=0)
    return request.param, Picture(image, 150)


@pytest.mark.parametrize("rotate", ["off", "auto"])
def test_blank_pages_are_named(
    empty: tuple[str, Picture], rotate: str, recogniser: Tesseract, make_job: Callable[..., Job]
) -> None:
    name, picture = empty
    reading = read_picture(picture, make_job(rotate=rotate, deskew=True), recogniser)
    assert reading.is_blank
    assert reading.layout == PageLayout(1240, 1754, 150)
    assert bool(recogniser.sizes) == (name == "speck")


def test_a_photograph_is_not_blank(recogniser: Tesseract, make_job: Callable[..., Job]) -> None:
    image = Image.new("L", (1240, 1754), 230)
    image.paste(Image.radial_gradient("L").resize((500, 400)), (300, 300))
    reading = read_picture(Picture(image, 150), make_job(), recogniser)
    assert recogniser.sizes
    assert measure(reading.layout).word_count == 0
    assert not reading.is_blank
