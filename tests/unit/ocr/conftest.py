from collections.abc import Callable

import pytest
from PIL import Image, ImageDraw, ImageFont


@pytest.fixture(scope="session")
def picture() -> Callable[..., Image.Image]:
    """Draw a small page: dark words at the top left of white paper."""

    def draw(mode: str = "L", size: tuple[int, int] = (400, 200)) -> Image.Image:
        image = Image.new("L", size, 255)
        ImageDraw.Draw(image).text((10, 10), "Upright words", font=ImageFont.load_default(size=32), fill=0)
        return image.convert(mode)

    return draw
