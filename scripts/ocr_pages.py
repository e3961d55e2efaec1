"""The pages that the benchmarks of recognition read, and their texts: scanned books, noisy print, small documents."""

import random
import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from itertools import chain, islice
from pathlib import Path

import pymupdf
from PIL import Image, ImageChops, ImageFilter

from support.accuracy import normalised

HERE = Path(__file__).resolve().parent
CORPUS = HERE.parents[1] / "shared" / "corpus"
DPI = 300
A4, SMALL = pymupdf.paper_rect("a4"), pymupdf.Rect(0, 0, 200, 64)
MARGIN_POINTS = 50
LEADING = 1.3
NOISY_WORDS = 400
FONTS = ("tiro", "helv")
PAPER, INK = 235, 40  # grey values
NOISE = 20  # the largest change of a grey value; from 32 on tesseract takes paper for ink where there is little text
BLUR_PIXELS = 0.7


@dataclass(frozen=True)
class Pages:
    """Page files and what they say; `scale` is the setting of our job, which nobody else has."""

    name: str
    files: list[Path]
    truths: list[str]
    scale: str = "auto"

    def unscaled(self, name: str) -> "Pages":
        return replace(self, name=name, scale="off")


def books(corpus: Path, folder: Path, copies: int, *, most: int | None = None) -> Pages:
    """Copy the scans of old books several times, one pixel changed in each, and with the resolution that they have."""
    scans = sorted((corpus / "old-books").glob("*.tiff"))[:most]
    if not scans:
        sys.exit(f"no scans in {corpus / 'old-books'}: name the folder of the corpus, --corpus DIR")
    folder.mkdir()
    files, truths = [], []
    for number in range(copies):
        for scan in scans:
            files.append(folder / f"{scan.stem}-{number}.tiff")
            invert_pixel(scan, files[-1], x=number)
            truths.append(normalised(scan.with_suffix(".txt").read_text(encoding="utf-8")))
    return Pages("books", files, truths)


def invert_pixel(scan: Path, target: Path, *, x: int) -> None:
    with Image.open(scan) as page:
        page.putpixel((x, 0), 255 - page.getpixel((x, 0)))
    page.save(target, compression="raw", dpi=(DPI, DPI))


def noisy(folder: Path, count: int) -> Pages:
    """Print grey A4 pages of 7 to 12 pt, a letter's worth each, and wear them down; they are the same every time."""
    folder.mkdir()
    files, truths = [], []
    for number in range(count):
        size_points, font = 7 + number % 6, FONTS[number // 6 % len(FONTS)]
        page, text = printed(A4, MARGIN_POINTS, font, size_points, words=NOISY_WORDS, seed=number)
        files.append(folder / f"{number:02}-{size_points}pt-{font}.png")
        worn(page, seed=number).save(files[-1], dpi=(DPI, DPI))
        truths.append(normalised(text))
    return Pages("noisy", files, truths)


def small_documents(count: int) -> Iterator[Image.Image]:
    """Yield black and white pictures of some lines, no two of them alike."""
    for number in range(count):
        page, _ = printed(SMALL, 8, "tiro", 11, words=10, seed=number, label=f"{number}.")
        yield page.point([255 * (value > 128) for value in range(256)]).convert("1", dither=Image.Dither.NONE)


def printed(
    area: pymupdf.Rect, margin: float, font: str, size_points: float, *, words: int, seed: int, label: str = ""
) -> tuple[Image.Image, str]:
    """Print as many words of sentences in random order; the label comes before them."""
    chosen = islice(_words(random.Random(seed)), words)  # noqa: S311 - a choice of sentences
    lines = list(_lines(chain([label] if label else [], chosen), font, size_points, area.width - 2 * margin))
    with pymupdf.open() as document:
        page = document.new_page(width=area.width, height=area.height)
        for number, line in enumerate(lines):
            below = margin + size_points * (1 + LEADING * number)
            page.insert_text((margin, below), line, fontname=font, fontsize=size_points)
        pixels = page.get_pixmap(dpi=DPI, colorspace=pymupdf.csGRAY)
    return Image.frombytes("L", (pixels.width, pixels.height), pixels.samples), " ".join(lines)


def worn(page: Image.Image, *, seed: int) -> Image.Image:
    page = page.filter(ImageFilter.GaussianBlur(BLUR_PIXELS))
    page = page.point([INK + value * (PAPER - INK) // 255 for value in range(256)])
    grain = Image.frombytes("L", page.size, random.Random(seed).randbytes(page.width * page.height))  # noqa: S311 - a picture
    return ImageChops.add(page, grain.point([value * NOISE * 2 // 255 for value in range(256)]), offset=-NOISE)


def _lines(words: Iterator[str], font: str, size_points: float, width: float) -> Iterator[str]:
    line = next(words)
    for word in words:
        if pymupdf.get_text_length(f"{line} {word}", font, size_points) <= width:
            line += f" {word}"
        else:
            yield line
            line = word
    yield line


def _words(chance: random.Random) -> Iterator[str]:
    while True:
        yield from chance.choice(_sentences()).split()


@cache
def _sentences() -> list[str]:
    texts = tomllib.loads((HERE / "sample_texts.toml").read_text(encoding="utf-8"))
    prose = " ".join([*texts["letters"], *texts["book"]])
    return [sentence for sentence in re.split(r"(?<=[.!?])\s+", prose) if 40 < len(sentence) < 200]
