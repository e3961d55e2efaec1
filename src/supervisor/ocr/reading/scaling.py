"""Pictures in the size that the recogniser needs: see docs/explanation/scaling.md for what was measured."""

from PIL import Image

from supervisor.ocr.reading.picture import Picture
from supervisor.ocr.reading.placement import Placement

# How many pixels an x has to be high. With fewer, words are lost; more only cost time.
_ENOUGH_PIXELS = 12
# Headings may be all the type that was found.
_SMALLEST_FACTOR = 0.3
# tesseract's network moves along a line by steps of equal width, so a line costs what it is long: letters are handed
# over this much narrower than they are, which they can bear.
_NARROWING = 0.85


def scaled(picture: Picture, x_height: int | None) -> tuple[Picture, Placement]:
    """Return a picture no larger than its smallest type needs, and where that lies on the one given.

    Args:
        picture: Returned itself where its type has no pixel too many.
        x_height: As `type_size.x_height` tells it; without type nothing is scaled.
    """
    if x_height is None or x_height < _ENOUGH_PIXELS:
        return picture, Placement()
    factor = max(_ENOUGH_PIXELS / x_height, _SMALLEST_FACTOR)
    image = picture.image
    width, height = max(1, round(image.width * factor * _NARROWING)), max(1, round(image.height * factor))
    smaller = Picture(image.resize((width, height), Image.Resampling.HAMMING), max(1, round(picture.dpi * factor)))
    return smaller, Placement(a=image.width / width, e=image.height / height)
