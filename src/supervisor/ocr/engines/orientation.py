"""Which way up a page is, by tesseract's own detection (`--psm 0`)."""

import re
import time
from collections.abc import Sequence
from pathlib import Path

from supervisor.ocr.engines.arguments import readable_name
from supervisor.ocr.engines.process import TesseractProcess, decoded
from supervisor.ocr.engines.protocol import EngineSettings

# The confidence below which OCRmyPDF leaves a page as it is, too (--rotate-pages-threshold).
_CONFIDENCE = 14.0
_ANSWER = re.compile(r"^Rotate: (\d+)\nOrientation confidence: ([\d.]+)$", re.MULTILINE)
# A page without enough text, or too large to be looked at, is no failure.
_NOTHING_TO_SEE = re.compile(r"Too few characters|Image too large")


def detect_orientation(
    file: Path, settings: EngineSettings, *, timeout_seconds: float, keep_open: Sequence[int] = ()
) -> int | None:
    """Return the degrees clockwise that set a page upright: 0, 90, 180 or 270; None where tesseract is not sure.

    Args:
        file: As `page_file.write_page_file` writes it.
        settings: For the folder of the language data, which has to hold `osd`, and the memory.
        timeout_seconds: After that tesseract is killed.
        keep_open: Descriptors that tesseract holds as long as it lives.

    Raises:
        RecogniserError: It crashed, was killed, or ran out of time or memory.
        TesseractMissingError: There is none.
    """
    deadline = time.monotonic() + timeout_seconds
    folder = [] if settings.tessdata_dir is None else ["--tessdata-dir", str(settings.tessdata_dir)]
    with readable_name(file) as name:
        process = TesseractProcess(["tesseract", name, "-", "-l", "osd", "--psm", "0", *folder], keep_open=keep_open)
        try:
            process.limit_memory(settings.memory_bytes)
            answer = process.read_answer(end=None, deadline=deadline)
            process.collect(deadline)
        finally:
            process.end()
    if process.returncode > 0 and _NOTHING_TO_SEE.search(process.message()):
        return None
    found = _ANSWER.search(decoded(answer))
    if process.returncode != 0 or process.lacked_memory() or found is None:
        raise process.failure()
    return int(found[1]) % 360 if float(found[2]) >= _CONFIDENCE else None
