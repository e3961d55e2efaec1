"""Reading a picture: which way up, how large and how straight it is handed to the recogniser, and what comes back."""

from dataclasses import dataclass

from supervisor.ocr.jobs.job import Job
from supervisor.ocr.layout import PageLayout
from supervisor.ocr.quality import measure
from supervisor.ocr.reading.blank import is_plainly_blank, shows_something
from supervisor.ocr.reading.picture import Picture
from supervisor.ocr.reading.placement import placed
from supervisor.ocr.reading.recogniser import Recogniser
from supervisor.ocr.reading.rotation import turned
from supervisor.ocr.reading.scaling import scaled
from supervisor.ocr.reading.skew import straightened
from supervisor.ocr.reading.type_size import x_height

# A page that is read with less mean confidence was perhaps read the wrong way.
_READABLE_CONFIDENCE = 75.0
_READABLE_WORDS = 3
# What words count for, when two readings are compared: nothing at this confidence, which noise reaches.
_WORTHLESS_CONFIDENCE = 50


@dataclass(frozen=True)
class Reading:
    """What was read.

    Attributes:
        layout: In pixels of the picture as it is displayed; without blocks where it is blank.
        is_blank: Nothing is written or drawn on it. A photograph without words is not blank.
    """

    layout: PageLayout
    is_blank: bool


def read_picture(picture: Picture, job: Job, recogniser: Recogniser) -> Reading:
    """Read a page as the job says.

    Raises:
        RecogniserError: The recogniser failed.
    """
    blank = Reading(PageLayout(*picture.image.size, picture.dpi), is_blank=True)
    # Where there is a line of type there is no need to look for anything fainter.
    if x_height(picture) is None and is_plainly_blank(picture):
        return blank
    layout = _read_upright(picture, job, recogniser) if job.rotate == "auto" else _read(picture, job, recogniser)
    if measure(layout).word_count == 0 and not shows_something(picture):
        return blank
    return Reading(layout, is_blank=False)


def _read_upright(picture: Picture, job: Job, recogniser: Recogniser) -> PageLayout:
    """Read a picture whichever way up it lies: as its lines of type suggest and, if that reads badly, otherwise too."""
    is_level = x_height(picture) is not None
    is_sideways = not is_level and any(x_height(turned(picture, degrees)[0]) is not None for degrees in (90, 270))
    first, on_its_head = (90, 270) if is_sideways else (0, 180)
    layout = _read_turned(picture, first, job, recogniser)
    if _is_readable(layout):
        return layout
    told = recogniser.orientation(picture)
    others = {0 if told is None else told}
    if told is None and (is_level or is_sideways):
        # Too few words for the recogniser to tell; but if there are lines of type, they can be tried.
        others.add(on_its_head)
    readings = (_read_turned(picture, degrees, job, recogniser) for degrees in sorted(others - {first}))
    return max([layout, *readings], key=_credit)


def _read_turned(picture: Picture, degrees: int, job: Job, recogniser: Recogniser) -> PageLayout:
    upright, placement = turned(picture, degrees)
    return placed(_read(upright, job, recogniser), placement, picture, angle=degrees)


def _read(picture: Picture, job: Job, recogniser: Recogniser) -> PageLayout:
    """Read a picture as it lies."""
    if not job.deskew:
        return _read_straight(picture, job, recogniser)
    straight, placement = straightened(picture)
    return placed(_read_straight(straight, job, recogniser), placement, picture)


def _read_straight(picture: Picture, job: Job, recogniser: Recogniser) -> PageLayout:
    """Read a picture in the size that the recogniser needs, and again as it is if that does not do."""
    if job.scale == "off":
        return recogniser.recognise(picture)
    smaller, placement = scaled(picture, x_height(picture))
    if smaller is picture:
        return recogniser.recognise(picture)
    layout = placed(recogniser.recognise(smaller), placement, picture)
    if _is_readable(layout):
        return layout
    return max(recogniser.recognise(picture), layout, key=_credit)


def _is_readable(layout: PageLayout) -> bool:
    quality = measure(layout)
    return quality.word_count >= _READABLE_WORDS and (quality.mean_confidence or 0.0) >= _READABLE_CONFIDENCE


def _credit(layout: PageLayout) -> int:
    """Return how much was read with confidence, in characters times per cent: more of it is the better reading."""
    return sum(len(word.text) * max(0, word.confidence - _WORTHLESS_CONFIDENCE) for word in layout.words())
