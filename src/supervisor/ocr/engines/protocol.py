"""What every engine does: recognise a page that lies in a file."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class EngineSettings:
    """What a tesseract process is started with; a process is used again only for pages with equal settings.

    Attributes:
        languages: In the order of the job.
        page_segmentation: tesseract --psm.
        engine_mode: tesseract --oem.
        tessdata_dir: Absolute, as are the two that follow; None for tesseract's own.
        variables: Names and values, sorted.
        memory_bytes: How much address space tesseract may use for this page; not compared, because the limit of a
            process that is alive can be changed.
    """

    languages: tuple[str, ...]
    page_segmentation: int
    engine_mode: int
    tessdata_dir: Path | None = None
    user_words: Path | None = None
    user_patterns: Path | None = None
    variables: tuple[tuple[str, str], ...] = ()
    memory_bytes: int | None = field(default=None, compare=False)


class Engine(Protocol):
    """A way to run tesseract; not thread-safe."""

    def recognise(self, file: Path, settings: EngineSettings, *, timeout_seconds: float) -> str:
        """Return tesseract's own hOCR of a page that `page_file.write_page_file` wrote.

        Raises:
            RecogniserError: It crashed, was killed, ran out of time (`PageTimeoutError`) or memory, wrote nothing, too
                much, or no hOCR; its process is gone then, and the next page gets another one.
            TesseractMissingError: There is none.
        """
        ...

    def close(self) -> None:
        """End what is running; the engine can be used again afterwards."""
        ...
