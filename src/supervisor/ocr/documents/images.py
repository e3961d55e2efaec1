"""Image documents: their frames as upright grey pictures, with a resolution that can be believed."""

import contextlib
import math
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from supervisor.errors import SurroundingsError
from supervisor.ocr.characters import one_line
from supervisor.ocr.documents.decoder_messages import watched_decoder
from supervisor.ocr.documents.file_kinds import Signature
from supervisor.ocr.documents.tiff import check_frame_chain
from supervisor.ocr.errors import DocumentError
from supervisor.ocr.reading.picture import Picture

# What tesseract itself believes (kMinCredibleResolution, kMaxCredibleResolution), and no page larger than A0.
_CREDIBLE_DPI = (70, 2400)
_CREDIBLE_INCHES = 47.0
# Above this tesseract refuses an image (TBOX holds 16-bit coordinates).
MAX_SIDE_PIXELS = 32_767

_ORIENTATION_TAG = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_PHOTOMETRIC_TAG = 262


def count_frames(file: Path, signature: Signature, max_megapixels: int) -> int:
    """Return how many pages an image document has.

    Raises:
        DocumentError: It cannot be opened.
    """
    if signature.pillow_format == "TIFF":
        check_frame_chain(file)
    with _decoding(signature, max_megapixels), _opened(file, signature) as image:
        # The further pictures in a camera's JPEG are previews and gain maps of the first.
        return 1 if signature.pillow_format == "JPEG" else int(getattr(image, "n_frames", 1))


@contextlib.contextmanager
def opened_frame(
    file: Path, signature: Signature, page_number: int, *, max_megapixels: int, dpi: int
) -> Iterator[tuple[tuple[int, int], Callable[[], Picture]]]:
    """Give the size of a frame in pixels, as it is stored, and what decodes it completely.

    Args:
        file: The document.
        signature: What it is.
        page_number: From 1.
        max_megapixels: The largest image allowed.
        dpi: What to use where the image's own value is missing or absurd.

    Raises:
        DocumentError: It is broken, incomplete or too large.
    """
    with _decoding(signature, max_megapixels), _opened(file, signature) as image:
        if page_number > 1:
            image.seek(page_number - 1)
        check_size(*image.size, max_megapixels)
        yield image.size, lambda: _decoded(image, dpi)


def _decoded(image: Image.Image, dpi: int) -> Picture:
    resolution = credible_dpi(image.info.get("dpi"), image.size, dpi)
    with watched_decoder():
        image.load()
    # Pillow turns TIFF frames upright while loading, and then drops the tag.
    orientation = _orientation(image)
    grey = _grey(image)
    return Picture(grey.transpose(_UPRIGHT[orientation]) if orientation in _UPRIGHT else grey, resolution)


def check_size(width: int, height: int, max_megapixels: int) -> None:
    """Raise DocumentError if an image is larger than the job allows or tesseract can read."""
    megapixels = width * height / 1e6
    if megapixels > max_megapixels:
        raise DocumentError(
            f"is {width:,} by {height:,} pixels ({megapixels:,.0f} megapixels), "
            f"more than max_image_megapixels = {max_megapixels} allows"
        )
    if max(width, height) > MAX_SIDE_PIXELS:
        raise DocumentError(f"is {width:,} by {height:,} pixels; no side may exceed {MAX_SIDE_PIXELS:,}")


def credible_dpi(stated: object, size: tuple[int, int], default: int) -> int:
    """Return the vertical resolution that an image states, `default` where that is missing or absurd."""
    try:
        dpi = float(stated[1])  # type: ignore[index]  # whatever the file says; anything odd ends below
        if not math.isfinite(dpi):
            return default
    except (TypeError, ValueError, IndexError, ArithmeticError):
        return default
    lowest, highest = _CREDIBLE_DPI
    if lowest <= dpi <= highest and max(size) / dpi <= _CREDIBLE_INCHES:
        return round(dpi)
    return default


@contextlib.contextmanager
def _decoding(signature: Signature, max_megapixels: int) -> Iterator[None]:
    """Hold Pillow to the job's limit, and translate whatever its decoders raise."""
    before = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = max_megapixels * 1_000_000
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except (DocumentError, SurroundingsError):
        raise
    except Image.DecompressionBombError as error:
        raise DocumentError(f"is far larger than max_image_megapixels = {max_megapixels} allows") from error
    except UnidentifiedImageError as error:
        raise DocumentError(f"is {signature.label} that is damaged or truncated") from error
    except MemoryError as error:
        raise DocumentError(f"is {signature.label} that needs more memory than there is") from error
    except Exception as error:  # decoders raise anything on broken input: SyntaxError, TypeError, struct.error
        detail = one_line(str(error)) or type(error).__name__
        raise DocumentError(f"is {signature.label} that is damaged, truncated or of a rare kind ({detail})") from error
    finally:
        Image.MAX_IMAGE_PIXELS = before


@contextlib.contextmanager
def _opened(file: Path, signature: Signature) -> Iterator[Image.Image]:
    # A stream instead of a path: given a path, Pillow 13 maps uncompressed TIFF files into memory by their upright
    # size, which scrambles the pixels of those that lie on their side.
    with file.open("rb") as stream, Image.open(stream, formats=[signature.pillow_format]) as image:
        yield image


def _orientation(image: Image.Image) -> int | None:
    try:
        value = image.getexif().get(_ORIENTATION_TAG)
    except Exception:  # noqa: BLE001 - a broken EXIF block raises anything, and says nothing about the picture
        return None
    return value if isinstance(value, int) else None


def _grey(image: Image.Image) -> Image.Image:
    """Convert any mode to L, transparency composed on white."""
    mode = image.mode
    if mode in {"I", "F"} or mode.startswith("I;16"):
        return _grey_from_deep(image)
    if image.has_transparency_data:
        with_alpha = image if mode in {"LA", "RGBA"} else image.convert("RGBA")
        grey = Image.new("L", image.size, 255)
        grey.paste(with_alpha.convert("L"), mask=with_alpha.getchannel("A"))
        return grey
    if mode == "LAB":
        return image.getchannel("L")
    return image.convert("RGB").convert("L") if mode in {"CMYK", "HSV"} else image.convert("L")


def _grey_from_deep(image: Image.Image) -> Image.Image:
    """Scale 12-, 16- and 32-bit and floating-point values to eight bits instead of cutting them off."""
    # int32 first: Pillow's extrema and point() know I and F, but not every byte order of I;16.
    values = image if image.mode in {"I", "F"} else image.convert("I")
    lowest, highest = values.getextrema()
    if not isinstance(lowest, int | float) or not isinstance(highest, int | float):
        raise DocumentError("has no grey values")
    if image.mode == "F" or lowest < 0:
        base = float(lowest)
        span = float(highest) - base
    else:
        base = 0.0
        span = float((1 << max(8, int(highest).bit_length())) - 1)
    if not math.isfinite(base) or not math.isfinite(span):
        raise DocumentError("holds values that are no numbers")
    scale = 255.0 / span if span else 1.0
    offset = -base * scale
    grey = values.point(lambda value: value * scale + offset).convert("L")
    photometric = getattr(image, "tag_v2", {}).get(_PHOTOMETRIC_TAG)
    if photometric == 0:  # white is zero; Pillow inverts that for eight bits, but not for more
        return grey.point(lambda value: 255 - value)
    return grey
