"""PDF documents: opened with a reason if they cannot be, and their pages rendered grey, as displayed."""

# mypy: disable-error-code="no-untyped-call"
# pymupdf carries no annotations.

import contextlib
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pymupdf

from supervisor.errors import SurroundingsError
from supervisor.ocr.characters import one_line
from supervisor.ocr.documents.images import MAX_SIDE_PIXELS
from supervisor.ocr.errors import DocumentError

_PAGE_LIMIT = 100_000
POINTS_PER_INCH = 72
# DESIGN.md §6: rendered at the native resolution of the dominant image, within these bounds.
_NATIVE_DPI = (150, 600)
_LOWEST_DPI = 72
# A page is a scan if pictures cover half of it; below that they illustrate, and do not set the resolution.
SCAN_COVERAGE = 0.5
# "%%EOF" stands in the last 1,024 bytes (PDF 1.7, Adobe's implementation note 18); twice that for trailing garbage.
_TAIL_SIZE_BYTES = 2048


def count_pdf_pages(file: Path) -> int:
    """Return how many pages a PDF has.

    Raises:
        DocumentError: It is damaged, truncated, encrypted or without pages.
    """
    with opened_pdf(file) as pdf:
        if pdf.needs_pass:
            raise DocumentError("is an encrypted PDF; it needs a password")
        if pdf.is_repaired and _end_is_missing(file):
            raise DocumentError("is a truncated PDF: its end is missing")
        page_count = int(pdf.page_count)
        if page_count < 1:
            raise DocumentError("is a PDF without pages")
        if page_count > _PAGE_LIMIT:
            raise DocumentError(f"is a PDF that claims to have {page_count:,} pages")
        return page_count


@contextlib.contextmanager
def opened_pdf(file: Path) -> Iterator[Any]:
    """Open a PDF, and translate whatever MuPDF raises while it is in use.

    Raises:
        DocumentError: MuPDF gave up.
    """
    try:
        with pymupdf.open(file, filetype="pdf") as pdf:
            yield pdf
    except (DocumentError, SurroundingsError):
        raise
    except MemoryError as error:
        raise DocumentError("is a PDF that needs more memory than there is") from error
    except pymupdf.FileDataError as error:
        raise DocumentError("is a PDF that is damaged or truncated beyond repair") from error
    except Exception as error:  # MuPDF's errors have no common class: FzErrorSyntax, RuntimeError, ValueError
        raise DocumentError(f"is a PDF that is damaged ({one_line(str(error)) or type(error).__name__})") from error


def image_coverage(page: Any) -> float:
    """Return the share of the page that its pictures cover, overlaps counted twice, at most 1."""
    return min(1.0, sum(area for area, _ in _images(page)) / page_area(page))


def native_dpi(page: Any, default: int) -> int:
    """Return the resolution to render a page at: that of its dominant image, `default` without one.

    Args:
        page: Of pymupdf.
        default: For pages that no image dominates.
    """
    images = _images(page)
    if not images or image_coverage(page) < SCAN_COVERAGE:
        return default
    # A mask over a coarse background (mixed raster content) holds the text: the finest of the large ones counts.
    largest = max(area for area, _ in images)
    dpi = max(dpi for area, dpi in images if area >= largest / 2)
    lowest, highest = _NATIVE_DPI
    return round(min(max(dpi, lowest), highest))


def affordable_dpi(page: Any, dpi: int, max_megapixels: int) -> int:
    """Lower `dpi` until the rendered page keeps to the limits.

    Raises:
        DocumentError: Even 72 dpi would not.
    """
    width_inches, height_inches = page.rect.width / POINTS_PER_INCH, page.rect.height / POINTS_PER_INCH
    if not (0 < width_inches < math.inf and 0 < height_inches < math.inf):
        raise DocumentError("is a page without a size")
    by_area = math.sqrt(max_megapixels * 1e6 / (width_inches * height_inches))
    by_side = MAX_SIDE_PIXELS / max(width_inches, height_inches)
    affordable: int = math.floor(min(dpi, by_area, by_side))
    if affordable < min(dpi, _LOWEST_DPI):
        raise DocumentError(
            f"is a page of {width_inches:,.0f} by {height_inches:,.0f} inches; even at {_LOWEST_DPI} dpi it exceeds "
            f"max_image_megapixels = {max_megapixels} or {MAX_SIDE_PIXELS:,} pixels a side"
        )
    return affordable


def render_page(page: Any, dpi: int) -> Any:
    """Render a page grey, as displayed: rotated, cropped, with annotations; uint8[height, width] in `samples_mv`."""
    scale = dpi / POINTS_PER_INCH
    return page.get_pixmap(matrix=pymupdf.Matrix(scale, scale), colorspace=pymupdf.csGRAY, alpha=False)


def silence_mupdf() -> None:
    """Keep MuPDF from writing to standard output, where its messages go by default."""
    pymupdf.TOOLS.mupdf_display_errors(False)
    pymupdf.TOOLS.mupdf_display_warnings(False)


def _images(page: Any) -> list[tuple[float, float]]:
    """Return area in square points, cut to the page, and dpi of every picture that is displayed."""
    images = []
    # Boxes come in the unrotated page's coordinates.
    bounds = page.rect * page.derotation_matrix
    for info in page.get_image_info():
        a, b, c, d, _, _ = info["transform"]
        width_points, height_points = math.hypot(a, b), math.hypot(c, d)
        box = pymupdf.Rect(info["bbox"]) & bounds
        if width_points > 0 and height_points > 0 and not box.is_empty:
            dpi = POINTS_PER_INCH * max(info["width"] / width_points, info["height"] / height_points)
            images.append((abs(box.width * box.height), dpi))
    return images


def page_area(page: Any) -> float:
    """Return the area of the displayed page in square points, at least 1."""
    return max(1.0, abs(float(page.rect.width) * float(page.rect.height)))


def _end_is_missing(file: Path) -> bool:
    with file.open("rb") as stream:
        stream.seek(max(0, file.stat().st_size - _TAIL_SIZE_BYTES))
        tail = stream.read()
    return b"%%EOF" not in tail and b"startxref" not in tail
