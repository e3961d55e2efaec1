"""Pages that lie on a side or on their head."""

from PIL import Image

from supervisor.ocr.reading.picture import Picture
from supervisor.ocr.reading.placement import Placement


def turned(picture: Picture, degrees: int) -> tuple[Picture, Placement]:
    """Turn a picture without loss.

    Args:
        picture: What to turn.
        degrees: Clockwise: 0, 90, 180 or 270.

    Returns:
        The turned picture, and where that lies on the one given.
    """
    width, height = picture.image.size
    match degrees:
        case 0:
            return picture, Placement()
        case 90:
            turn, placement = Image.Transpose.ROTATE_270, Placement(a=0, b=1, d=-1, e=0, f=height)
        case 180:
            turn, placement = Image.Transpose.ROTATE_180, Placement(a=-1, c=width, e=-1, f=height)
        case 270:
            turn, placement = Image.Transpose.ROTATE_90, Placement(a=0, b=-1, c=width, d=1, e=0)
        case _:
            raise ValueError(f"a page is turned by 0, 90, 180 or 270 degrees, not by {degrees}")
    return Picture(picture.image.transpose(turn), picture.dpi), placement
