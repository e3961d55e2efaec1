"""What reading a page asks of a recogniser."""

from typing import Protocol

from supervisor.ocr.layout import PageLayout
from supervisor.ocr.reading.picture import Picture


class Recogniser(Protocol):
    """Recognises pictures for one page: within its time and memory, and under its slot.

    Every method raises `RecogniserError` where tesseract fails, is killed, runs out of time or memory, or writes what
    cannot be read.
    """

    def recognise(self, picture: Picture) -> PageLayout:
        """Return what stands in a picture; boxes in pixels of that picture."""
        ...

    def orientation(self, picture: Picture) -> int | None:
        """Return the degrees clockwise that would set a picture upright: 0, 90, 180 or 270; None if nobody can tell."""
        ...
