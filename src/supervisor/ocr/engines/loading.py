"""Whether tesseract can load the data of a language: a file that is cut short is listed like any other."""

from supervisor.ocr.engines.tesseract import ask_tesseract
from supervisor.ocr.errors import TesseractMissingError, signal_name

_SIDE_PIXELS = 40
_WHITE_PICTURE = b"P5 %d %d 255\n" % (_SIDE_PIXELS, _SIDE_PIXELS) + b"\xff" * _SIDE_PIXELS**2
# A line of text; of `osd`, which recognises none, which way up it stands.
_LINE, _ORIENTATION = 7, 0
# In every version from 4.1 to 5.5; other languages of the same call would be used without it, and the status be 0.
_REFUSAL = "Failed loading language"


def why_not_loaded(language: str, engine_mode: int) -> str | None:
    """Return why tesseract cannot recognise with a language; None if it can.

    Args:
        language: One whose file is there.
        engine_mode: Of the job: a file need not hold the models of every one.

    Raises:
        TesseractMissingError: There is no tesseract.
    """
    segmentation = _ORIENTATION if language == "osd" else _LINE
    settings = ["-l", language, "--oem", str(engine_mode), "--psm", str(segmentation)]
    try:
        status, said = ask_tesseract("-", "-", *settings, stdin=_WHITE_PICTURE)
    except TesseractMissingError as error:
        return error.message
    if status < 0:
        return f"tesseract is ended by {signal_name(-status)} when it loads it"
    return next((line.strip() for line in said.splitlines() if "rror" in line), _REFUSAL) if _REFUSAL in said else None
