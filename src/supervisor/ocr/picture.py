"""A page as pixels, ready for recognition."""

from dataclasses import dataclass

from PIL import Image


@dataclass(frozen=True)
class Picture:
    """A page as it is displayed: `image` is of mode L, upright, on white."""

    image: Image.Image
    dpi: int
