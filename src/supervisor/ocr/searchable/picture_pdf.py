"""Image documents as PDFs: the data of the image as it is where PDF can hold it, without loss where it cannot.

img2pdf embeds JPEG, PNG and fax-coded TIFF data untouched, and packs the rest tightly and without loss.
"""

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import img2pdf
from PIL import ExifTags, Image, ImageOps

from supervisor.ocr.documents.document import Document
from supervisor.ocr.documents.images import check_size, credible_dpi, opened_frame
from supervisor.ocr.documents.pdf import POINTS_PER_INCH
from supervisor.ocr.errors import DocumentError
from supervisor.ocr.jobs.job import Job

_UPRIGHT = 1
# EXIF's orientations that a page's /Rotate can undo; the others are mirrored as well.
_TURNED = {_UPRIGHT, 3, 6, 8}
_FIRST_ON_ITS_SIDE = 5
_TRANSPARENT_COLOUR = "transparency"  # Pillow's name for it
# How to hand over a picture of each mode without loss; others are handed over grey, as they were recognised.
_FORMS = dict.fromkeys(("1", "L", "LA", "P", "RGB", "RGBA", "I;16"), "PNG") | {"CMYK": "TIFF"}

# It warns of every oddity of a file, and raises what it cannot do.
logging.getLogger(img2pdf.__name__).setLevel(logging.CRITICAL)


@dataclass(frozen=True)
class _Header:
    """What a frame says of itself.

    Attributes:
        points: Width and height, in points; as it is stored, but of TIFF, for which Pillow tells those of the upright.
        orientation: By EXIF.
        has_transparent_colour: Instead of, or beside, an alpha channel.
    """

    points: tuple[float, float]
    orientation: int
    has_transparent_colour: bool


def picture_pdf(document: Document, job: Job) -> bytes:
    """Return an image document as a PDF, a page for each frame, displayed upright and at its real size.

    A frame that cannot be decoded becomes an empty page.

    Raises:
        DocumentError: A frame is too large.
    """
    with _opened(document, job) as image:
        headers = list(_headers(image, document, job))
        if _can_be_embedded(document, headers):
            # What img2pdf cannot take as it is, such as alpha of 16 bits, it can as a plain PNG.
            with contextlib.suppress(Exception):
                return _converted([document.file.read_bytes()], [header.points for header in headers])
        plain = [_plain_frame(image, document, page_number, job) for page_number in _page_numbers(document)]
        return _converted(plain, [_upright_points(document, header) for header in headers])


def _page_numbers(document: Document) -> range:
    return range(1, document.page_count + 1)


@contextlib.contextmanager
def _opened(document: Document, job: Job) -> Iterator[Image.Image]:
    """Open an image, and hold Pillow to the job's limit in here and in img2pdf."""
    before = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = job.max_image_megapixels * 1_000_000
    try:
        with (
            warnings.catch_warnings(),
            document.file.open("rb") as stream,
            Image.open(stream, formats=[document.signature.pillow_format]) as image,
        ):
            warnings.simplefilter("ignore")
            yield image
    finally:
        Image.MAX_IMAGE_PIXELS = before


def _headers(image: Image.Image, document: Document, job: Job) -> Iterator[_Header]:
    for page_number in _page_numbers(document):
        if page_number > 1:
            image.seek(page_number - 1)
        check_size(*image.size, job.max_image_megapixels)
        stated = image.info.get("dpi")
        vertical = credible_dpi(stated, image.size, job.dpi)
        # A fax may have twice as many pixels across as down.
        across = (stated[1], stated[0]) if isinstance(stated, tuple) and len(stated) == 2 else None
        horizontal = credible_dpi(across, image.size, vertical)
        width, height = image.size
        points = (width * POINTS_PER_INCH / horizontal, height * POINTS_PER_INCH / vertical)
        yield _Header(points, _orientation(image), _TRANSPARENT_COLOUR in image.info)


def _orientation(image: Image.Image) -> int:
    try:
        value = image.getexif().get(ExifTags.Base.Orientation)
    except Exception:  # noqa: BLE001 - a broken EXIF block raises anything, and says nothing about the picture
        return _UPRIGHT
    return value if isinstance(value, int) and 1 <= value <= 8 else _UPRIGHT


def _upright_points(document: Document, header: _Header) -> tuple[float, float]:
    width, height = header.points
    is_on_its_side = header.orientation >= _FIRST_ON_ITS_SIDE and document.signature.pillow_format != "TIFF"
    return (height, width) if is_on_its_side else (width, height)


def _can_be_embedded(document: Document, headers: Sequence[_Header]) -> bool:
    if any(header.has_transparent_colour for header in headers):
        # img2pdf 0.6.3 writes such a mask with the depth of the picture: black and white come out scrambled.
        return False
    if document.signature.pillow_format == "TIFF":
        # Pillow turns its frames upright while decoding, which img2pdf does not expect.
        return all(header.orientation == _UPRIGHT for header in headers)
    return len(headers) == 1 and headers[0].orientation in _TURNED


def _plain_frame(image: Image.Image, document: Document, page_number: int, job: Job) -> bytes:
    """Return a frame, upright, in a form that img2pdf takes without loss."""
    try:
        image.seek(page_number - 1)
        upright = ImageOps.exif_transpose(image)
        if _TRANSPARENT_COLOUR in upright.info and upright.mode != "I;16":
            upright = upright.convert("RGBA")
        if upright.mode in _FORMS:
            return _saved(upright)
        with opened_frame(
            document.file, document.signature, page_number, max_megapixels=job.max_image_megapixels, dpi=job.dpi
        ) as (_, decoded):
            return _saved(decoded().image)
    except Exception:  # noqa: BLE001 - decoders raise anything on broken input, and this page has failed for it
        return _saved(Image.new("1", (1, 1), 1))


def _saved(image: Image.Image) -> bytes:
    stream = io.BytesIO()
    image.save(stream, _FORMS[image.mode])
    return stream.getvalue()


def _converted(pictures: Sequence[bytes], sizes: Sequence[tuple[float, float]]) -> bytes:
    remaining = iter(sizes)

    def layout(*_: object) -> tuple[float, float, float, float]:
        width, height = next(remaining)
        return width, height, width, height

    content: bytes = img2pdf.convert(
        # Bytes alone could be taken for the name of a file.
        [io.BytesIO(picture) for picture in pictures],
        layout_fun=layout,
        rotation=img2pdf.Rotation.ifvalid,
        # The further pictures in a camera's JPEG are previews and gain maps of the first.
        first_frame_only=len(sizes) == 1,
        nodate=True,
        # Its own writer: pikepdf's would have to be loaded, and the file is written once more anyway.
        engine=img2pdf.Engine.internal,
    )
    if next(remaining, None) is not None:
        raise DocumentError("lost frames on its way into a PDF")
    return content
