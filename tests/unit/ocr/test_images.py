import io
import math
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from supervisor.ocr.documents.file_kinds import read_signature
from supervisor.ocr.documents.images import credible_dpi, opened_frame
from supervisor.ocr.errors import DocumentError
from supervisor.ocr.reading.picture import Picture

Draw = Callable[..., Image.Image]


def frame(path: Path, page_number: int = 1, **limits: int) -> Picture:
    signature = read_signature(path.read_bytes()[:4096])
    assert signature is not None
    with opened_frame(path, signature, page_number, **{"max_megapixels": 250, "dpi": 300, **limits}) as (size, decode):
        decoded = decode()
    # As it is stored: upright, its sides may be the other way round.
    assert sorted(size) == sorted(decoded.image.size)
    return decoded


def assert_upright(image: Image.Image) -> None:
    """The words of `picture` are dark, at the top left, on white."""
    assert image.mode == "L"
    assert image.size == (400, 200)
    assert image.getpixel((399, 199)) >= 250
    assert image.crop((0, 0, 300, 60)).getextrema()[0] <= 60
    assert image.crop((0, 100, 400, 200)).getextrema()[0] >= 200


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["jpg", "tif", "png"])
def test_orientation_is_applied(tmp_path: Path, picture: Draw, orientation: int, suffix: str) -> None:
    turned = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    image = picture() if turned is None else picture().transpose(turned)
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = tmp_path / f"a.{suffix}"
    image.save(file, exif=exif)
    assert_upright(frame(file).image)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA", "CMYK", "YCbCr", "I;16", "I", "F", "LAB"])
def test_every_mode_becomes_grey(tmp_path: Path, picture: Draw, mode: str) -> None:
    image = picture("L")
    if mode == "I;16":
        image = image.convert("I").point(lambda value: value * 257).convert("I;16")
    elif mode == "I":
        image = image.convert("I").point(lambda value: value * 65_793)
    elif mode == "F":
        image = image.convert("F").point(lambda value: value * (1 / 255) + 0.0)
    elif mode == "LAB":
        image = Image.merge("LAB", (image, Image.new("L", image.size), Image.new("L", image.size)))
    else:
        image = image.convert("RGB").convert(mode)
    file = tmp_path / "a.tif"
    image.save(file)
    assert_upright(frame(file).image)


def test_white_is_zero_in_sixteen_bits(tmp_path: Path, picture: Draw) -> None:
    file = tmp_path / "a.tif"
    picture().convert("I").point(lambda value: value * -257 + 65_535).convert("I;16").save(file, tiffinfo={262: 0})
    assert_upright(frame(file).image)


def test_transparency_is_white_paper(tmp_path: Path, picture: Draw) -> None:
    words = picture()
    transparent = Image.new("RGBA", words.size, (0, 0, 0, 0))
    transparent.paste((0, 0, 0, 255), mask=words.point(lambda value: 255 - value))
    for name, image in (("rgba.png", transparent), ("la.png", transparent.convert("LA")), ("w.webp", transparent)):
        image.save(tmp_path / name, lossless=True)
        assert_upright(frame(tmp_path / name).image)
    palette = words.convert("P")
    palette.save(tmp_path / "p.png", transparency=255)
    assert_upright(frame(tmp_path / "p.png").image)


def test_every_frame_of_a_tiff(tmp_path: Path, picture: Draw) -> None:
    file = tmp_path / "a.tif"
    others = [picture("1"), picture("RGB", (300, 100))]
    picture().save(file, save_all=True, append_images=others, dpi=(200, 200))
    assert [frame(file, number).image.size for number in (1, 2, 3)] == [(400, 200), (400, 200), (300, 100)]
    assert frame(file, 1).dpi == 200


@pytest.mark.parametrize(
    ("stated", "size", "dpi"),
    [
        ((200, 200), (1700, 2200), 200),
        ((199.9, 200.4), (1700, 2200), 200),
        ((204, 98), (1728, 1100), 98),
        (None, (100, 100), 300),
        ((1, 1), (100, 100), 300),
        ((0, 0), (100, 100), 300),
        ((72, 72), (100, 100), 72),
        ((72, 72), (2480, 3508), 300),
        ((9999, 9999), (100, 100), 300),
        ((math.nan, math.nan), (100, 100), 300),
        ((math.inf, math.inf), (100, 100), 300),
        ("nonsense", (100, 100), 300),
        ((300,), (100, 100), 300),
    ],
)
def test_resolution_is_repaired(stated: object, size: tuple[int, int], dpi: int) -> None:
    assert credible_dpi(stated, size, 300) == dpi


@pytest.mark.parametrize("pillow_format", ["PNG", "JPEG", "BMP", "PPM", "GIF", "WEBP", "JPEG2000"])
@pytest.mark.parametrize("share", [0.4, 0.9])
def test_a_truncated_image_gives_no_half_page(tmp_path: Path, picture: Draw, pillow_format: str, share: float) -> None:
    whole = io.BytesIO()
    picture().save(whole, pillow_format)
    file = tmp_path / "a"
    file.write_bytes(whole.getvalue()[: int(len(whole.getvalue()) * share)])
    with pytest.raises(DocumentError, match="damaged"):
        frame(file)


def group4_with_header_first(image: Image.Image) -> bytes:
    """A fax TIFF as scanners write it, so that cutting its end leaves the header whole."""
    stream = io.BytesIO()
    image.save(stream, "TIFF", compression="group4", tiffinfo={278: image.height})
    with Image.open(stream) as saved:
        tags = saved.tag_v2
        strip = stream.getvalue()[tags[273][0] : tags[273][0] + tags[279][0]]
    entries = [(256, image.width), (257, image.height), (258, 1), (259, 4), (262, tags[262])]
    entries += [(273, 8 + 2 + 12 * 9 + 4), (277, 1), (278, image.height), (279, len(strip))]
    directory = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries)
    return struct.pack("<2sHIH", b"II", 42, 8, 9) + directory + struct.pack("<I", 0) + strip


def test_a_damaged_fax_gives_no_half_page(tmp_path: Path, picture: Draw, capfd: pytest.CaptureFixture[str]) -> None:
    whole = group4_with_header_first(picture("1"))
    file = tmp_path / "a.tif"
    file.write_bytes(whole)
    assert_upright(frame(file).image)
    file.write_bytes(whole[:-20])
    with pytest.raises(DocumentError, match="damaged"):
        frame(file)
    middle = len(whole) - 300
    file.write_bytes(whole[:middle] + b"\x55" * 300)
    with pytest.raises(DocumentError, match="part of the page cannot be decoded"):
        frame(file)
    assert capfd.readouterr().err == ""


def test_limits(tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    Image.new("1", (2000, 1000)).save(file)
    with pytest.raises(
        DocumentError, match=r"is 2,000 by 1,000 pixels \(2 megapixels\), more than max_image_megapixels"
    ):
        frame(file, max_megapixels=1)
    Image.new("1", (32_768, 2)).save(file)
    with pytest.raises(DocumentError, match="no side may exceed 32,767"):
        frame(file)


def test_the_limit_does_not_outlast_the_frame(tmp_path: Path, picture: Draw) -> None:
    before = Image.MAX_IMAGE_PIXELS
    picture().save(tmp_path / "a.png")
    frame(tmp_path / "a.png", max_megapixels=1)
    assert before == Image.MAX_IMAGE_PIXELS
